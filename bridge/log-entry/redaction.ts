/**
 * Secrets leave the entry before anything else looks at it.
 *
 * Kong hides `authorization` and `proxy-authorization` by itself. A key in the query stands in an entry four times, as
 * an argument and in three addresses, and pages hand addresses on in headers such as `referer` and `location`.
 */
import { parseUrlArgs } from '../request/url-args';
import { isObject, objectIn, type Json, type JsonObject } from './entry';

export const REDACTED = '***';

export const REDACTED_BY_DEFAULT = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'apikey',
  'api_key',
  'access_token',
  'token',
] as const;

/** Changes the entry. */
export type Redaction = (entry: JsonObject) => void;

/** @param names of headers and query arguments; letter case does not count, nor `_` for `-` */
export function redaction(names: readonly string[]): Redaction {
  const secret = new Set(names.map(plainName));
  const isSecret = (name: string): boolean => secret.has(plainName(name));
  const inText = (text: string): string => redactUrl(text, isSecret);
  return (entry) => {
    const request = objectIn(entry, 'request');
    const response = objectIn(entry, 'response');
    if (request) {
      redactMembers(objectIn(request, 'headers'), isSecret, inText);
      redactMembers(objectIn(request, 'querystring'), isSecret, inText);
      redactTexts(request, ['uri', 'url'], inText);
    }
    if (response) redactMembers(objectIn(response, 'headers'), isSecret, inText);
    redactTexts(entry, ['upstream_uri'], inText);
  };
}

/** Headers and arguments that differ in letter case, or in `_` for `-`, are one. */
export function plainName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** Of headers and of arguments: what is no secret by its name may be an address with one in it. */
function redactMembers(
  members: JsonObject | undefined,
  isSecret: (name: string) => boolean,
  inText: (text: string) => string,
): void {
  for (const name in members)
    members[name] = isSecret(name) ? REDACTED : inEveryText(members[name] as Json, inText);
}

function inEveryText(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => inEveryText(item, change));
  return value;
}

function redactTexts(object: JsonObject, names: readonly string[], change: (text: string) => string): void {
  for (const name of names) {
    const value = object[name];
    if (typeof value === 'string') object[name] = change(value);
    else if (isObject(value) || Array.isArray(value)) object[name] = REDACTED;
  }
}

/** The name of an argument: behind whatever anybody separates them by. */
const ARGUMENT = /[?#&;]([^=?#&;]*)=/g;
/** The end of its value, for Kong: a secret may have a `?` or a `;` in it. */
const END_OF_VALUE = /[&#]|$/g;

const BETWEEN_SEPARATORS = /[^&#]+/g;
/** An address in the value of an argument has its arguments escaped. */
const ESCAPED_EQUALS = /%3d/i;
/** Of addresses within addresses: each is escaped once more. */
const MOST_LEVELS = 4;

/** The values of secret arguments in an address, and in addresses within; every other text comes back as it is. */
export function redactUrl(
  text: string,
  isSecret: (name: string) => boolean,
  levels: number = MOST_LEVELS,
): string {
  if (!/[?#]/.test(text) || !text.includes('=')) return text;
  const redacted = redactArguments(text, isSecret);
  if (levels === 0 || !ESCAPED_EQUALS.test(redacted)) return redacted;
  return redacted.replace(BETWEEN_SEPARATORS, (argument) => {
    const valueAt = argument.lastIndexOf('=', argument.search(ESCAPED_EQUALS)) + 1;
    if (valueAt === 0) return argument;
    const within = String(parseUrlArgs(`v=${argument.slice(valueAt)}`).get('v'));
    const without = redactUrl(within, isSecret, levels - 1);
    return without === within ? argument : argument.slice(0, valueAt) + encodeURIComponent(without);
  });
}

function redactArguments(text: string, isSecret: (name: string) => boolean): string {
  let redacted = '';
  let doneTo = 0;
  for (const { 0: beginning, 1: name = '', index } of text.matchAll(ARGUMENT)) {
    if (index < doneTo || !isSecret(argumentName(name))) continue;
    const valueAt = index + beginning.length;
    redacted += text.slice(doneTo, valueAt) + REDACTED;
    END_OF_VALUE.lastIndex = valueAt;
    doneTo = END_OF_VALUE.exec(text)!.index;
  }
  return redacted + text.slice(doneTo);
}

/** As Kong reads it: `api%5Fkey` is `api_key`. */
function argumentName(raw: string): string {
  if (!/[%+]/.test(raw)) return raw;
  const [name = raw] = parseUrlArgs(raw).keys();
  return name;
}

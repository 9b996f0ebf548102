/** One plugin of Kong's, as one of ours. */
import { GatewayError } from '../../bridge/errors';
import { parseLogConfig } from '../../plugins/custom_kafka_log/config';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { isTable, type Table } from '../kong-config/entities';
import { MIGRATED_PLUGINS, WITHOUT_EQUAL, type MigratedPlugin } from './kong-plugins';
import { PartlyRefused } from './lua-fields';
import { isEmpty, RefusedValue, type Fate, type OptionRule } from './option-rules';

export interface Change {
  /** Undefined: of the plugin as a whole. */
  readonly option: string | undefined;
  readonly fate: Fate;
  readonly words: string;
}

export interface Migrated {
  readonly name: string;
  readonly config: Record<string, unknown>;
  readonly changes: readonly Change[];
}

export const isMigrated = (name: string): boolean => MIGRATED_PLUGINS.some(({ from }) => from === name);
export const withoutEqual = (name: string): string | undefined =>
  Object.hasOwn(WITHOUT_EQUAL, name) ? WITHOUT_EQUAL[name] : undefined;

const PARSERS = { custom_kafka_producer: parseProducerConfig, custom_kafka_log: parseLogConfig } as const;
/** Of our own rules, each of which may complain about what another plugin allows. */
const MOST_CORRECTIONS = 50;

/** @param name one for which `isMigrated` */
export function migratePlugin(name: string, written: Table): Migrated {
  const plugin = MIGRATED_PLUGINS.find(({ from }) => from === name);
  if (!plugin) throw new Error(`no rules for ${name}`);
  const changes: Change[] = [];
  const config: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(plugin.added)) set(config, path, structuredClone(value));
  const options = leavesOf(written, plugin.rules);
  for (const [path, value] of options) carryOver(path, value, plugin, config, changes);
  complete(name, config, changes);
  for (const { unless, words } of plugin.remarks)
    if (unless === undefined || !options.has(unless))
      changes.push({ option: undefined, fate: 'changed', words });
  correct(plugin, config, changes);
  return { name: plugin.to, config, changes };
}

function carryOver(
  path: string,
  value: unknown,
  { rules, from }: MigratedPlugin,
  config: Record<string, unknown>,
  changes: Change[],
): void {
  const rule = rules.find((candidate) => candidate.from === path);
  if (!rule) {
    changes.push({
      option: path,
      fate: 'refused',
      words: `${from} has no such option, as far as is known here: left out`,
    });
    return;
  }
  const goesTo = 'to' in rule ? rule.to : rule.from;
  const isSilent = rule.silentWhen?.(value) === true;
  if (goesTo === undefined) {
    if (!isSilent) changes.push(changeBy(rule, path));
    return;
  }
  try {
    const converted = rule.convert ? rule.convert(value) : value;
    set(config, goesTo, converted);
    if (rule.words !== undefined && !isSilent) changes.push(changeBy(rule, path));
  } catch (error) {
    if (!(error instanceof RefusedValue)) throw error;
    if (error instanceof PartlyRefused && !isEmpty(error.rest)) set(config, goesTo, error.rest);
    changes.push({ option: path, fate: 'refused', words: error.message });
  }
}

const changeBy = ({ fate = 'changed', words = '' }: OptionRule, option: string): Change => ({
  option,
  fate,
  words,
});

/** What belongs together: a mechanism has its strategy, and an API key is a login. */
function complete(name: string, config: Record<string, unknown>, changes: Change[]): void {
  const { authentication } = config;
  if (name === 'confluent' && isTable(authentication)) {
    const hasOauth =
      isTable(authentication.oauthbearer) && !isEmpty(authentication.oauthbearer.token_endpoint_url);
    if (hasOauth) {
      // There it wins over the keys.
      remove(config, 'authentication.user');
      remove(config, 'authentication.password');
    }
    set(config, 'authentication.mechanism', hasOauth ? 'OAUTHBEARER' : 'PLAIN');
  }
  if (isTable(config.authentication) && !isEmpty(config.authentication.mechanism))
    set(config, 'authentication.strategy', 'sasl');
  completeTopics(config, changes);
}

/** Here a client can name only topics that are listed. */
function completeTopics(config: Record<string, unknown>, changes: Change[]): void {
  const { topics_query_arg, allowed_topics, topic } = config;
  const option = 'allowed_topics';
  if (topics_query_arg === undefined && allowed_topics !== undefined) {
    delete config.allowed_topics;
    if (!isEmpty(allowed_topics))
      changes.push({ option, fate: 'dropped', words: 'without topics_query_arg no client names a topic' });
  }
  if (topics_query_arg !== undefined && isEmpty(allowed_topics)) {
    config.allowed_topics = [topic];
    changes.push({
      option,
      fate: 'changed',
      words: 'only topic itself until others are listed: clients cannot write to any topic here',
    });
  }
}

/** Leaves out, one after the other, what our own check refuses, and says so. */
function correct(plugin: MigratedPlugin, config: Record<string, unknown>, changes: Change[]): void {
  for (let correction = 0; correction < MOST_CORRECTIONS; correction++) {
    const complaint = complaintAbout(plugin, config);
    if (complaint === undefined) return;
    const [option = ''] = complaint.split(/[:,]/, 1);
    const path = option.trim();
    const isGone = remove(config, path);
    changes.push({
      option: path,
      fate: 'refused',
      words: `${complaint.slice(path.length).replace(/^:\s*/, '')}${isGone ? '; left out' : ': to be set by hand'}`,
    });
    if (!isGone) return;
  }
}

/** As the plugin server would say it; vault references count as what they stand for. */
export function complaintAbout({ to }: Pick<MigratedPlugin, 'to'>, config: Table): string | undefined {
  try {
    PARSERS[to](withoutReferences(config));
    return undefined;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return error.detail;
  }
}

const REFERENCE = /^\{vault:\/\/[^}]+\}$/;
/** Fits wherever references may stand in the plugins that are migrated: in names, secrets and URLs. */
const STAND_IN = 'https://vault.invalid/';

function withoutReferences(value: unknown): unknown {
  if (typeof value === 'string') return REFERENCE.test(value) ? STAND_IN : value;
  if (Array.isArray(value)) return value.map(withoutReferences);
  if (!isTable(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withoutReferences(member)]));
}

/** Options with their values, by path: into records, not into the maps and lists that are values. */
function leavesOf(table: Table, rules: readonly OptionRule[], before = ''): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  for (const [name, value] of Object.entries(table)) {
    // Null is how the Admin API says unset, and what begins so is Kong's own.
    if (value === null || value === undefined || name.startsWith('__')) continue;
    const path = before === '' ? name : `${before}.${name}`;
    const isRecord = rules.some(({ from }) => from.startsWith(`${path}.`));
    if (isRecord && isTable(value))
      for (const [leaf, member] of leavesOf(value, rules, path)) leaves.set(leaf, member);
    else leaves.set(path, value);
  }
  return leaves;
}

function set(config: Record<string, unknown>, path: string, value: unknown): void {
  const [name = '', ...rest] = path.split('.');
  if (rest.length === 0) config[name] = isTable(value) ? { ...value } : value;
  else {
    const inner = isTable(config[name]) ? { ...config[name] } : {};
    set(inner, rest.join('.'), value);
    config[name] = inner;
  }
}

/** @returns whether it was there */
function remove(config: Record<string, unknown>, path: string): boolean {
  const [name = '', ...rest] = path.split('.');
  if (!Object.hasOwn(config, name)) return false;
  if (rest.length === 0 || !isTable(config[name])) return delete config[name];
  const inner = { ...config[name] };
  const isGone = remove(inner, rest.join('.'));
  if (isGone && isEmpty(inner)) delete config[name];
  else config[name] = inner;
  return isGone;
}

/** Logical types of Avro as the text that people write: for `simple_json` only, the Avro specification has numbers. */
import type { Logical } from './avro-schema';

const DAY_MS = 86_400_000;
const DAY_S = 86_400n;
/** From year 0 to year 9999: others have no text of four digits, and are numbers. */
const FIRST_DAY = -719_528;
const LAST_DAY = 2_932_896;

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIME = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?$/;
const TIMESTAMP = /^(\d{4}-\d{2}-\d{2})[Tt ]([0-9:.]+)(?:([Zz])|([+-])(\d{2}):?([0-5]\d))?$/;
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** How a value is called where another one came. */
export function logicalName(logical: Logical): string {
  switch (logical.name) {
    case 'decimal':
      return `a decimal of ${logical.precision} digits, ${logical.scale} of them behind the point`;
    case 'date':
      return 'a date such as 2026-02-28';
    case 'uuid':
      return 'a UUID';
    case 'time':
      return 'a time such as 12:34:56.789';
    case 'timestamp':
      return 'a time such as 2026-02-28T12:34:56.789Z';
    case 'local-timestamp':
      return 'a time such as 2026-02-28T12:34:56.789';
  }
}

/** @returns undefined for text that is none, or more exact than the type is */
export function numberFromText(logical: Logical, text: string): bigint | undefined {
  switch (logical.name) {
    case 'date':
      return dayOf(text);
    case 'time':
      return ticksOfDay(text, BigInt(logical.perSecond));
    case 'timestamp':
    case 'local-timestamp':
      return ticksOf(text, BigInt(logical.perSecond), logical.name === 'timestamp');
    default:
      return undefined;
  }
}

/** @returns undefined for what has no text */
export function textFromNumber(logical: Logical, number: bigint): string | undefined {
  switch (logical.name) {
    case 'date':
      return dateText(number);
    case 'time': {
      const perSecond = BigInt(logical.perSecond);
      return number < 0n || number >= DAY_S * perSecond ? undefined : timeText(number, perSecond);
    }
    case 'timestamp':
    case 'local-timestamp': {
      const perDay = DAY_S * BigInt(logical.perSecond);
      const ticks = ((number % perDay) + perDay) % perDay;
      const date = dateText((number - ticks) / perDay);
      const zone = logical.name === 'timestamp' ? 'Z' : '';
      return date && `${date}T${timeText(ticks, BigInt(logical.perSecond))}${zone}`;
    }
    default:
      return undefined;
  }
}

/** @returns the unscaled value; undefined for text that is no decimal, or has more digits than fit */
export function unscaledFromText(text: string, precision: number, scale: number): bigint | undefined {
  if (text.length > precision + 3) return undefined;
  const [, sign, whole, fraction = ''] = DECIMAL.exec(text) ?? [];
  if (whole === undefined || fraction.length > scale) return undefined;
  const digits = (whole + fraction.padEnd(scale, '0')).replace(/^0+(?=\d)/, '');
  if (digits.length > precision) return undefined;
  return BigInt(sign + digits);
}

export function decimalText(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}${scale === 0 ? '' : `.${digits.slice(point)}`}`;
}

/** Two's complement, big-endian, as few bytes as hold it. */
export function bytesOfInteger(integer: bigint): Buffer {
  let hex = (integer < 0n ? -integer - 1n : integer).toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  let bytes = Buffer.from(hex, 'hex');
  if (bytes[0]! > 0x7f) bytes = Buffer.concat([Buffer.from([0]), bytes]);
  if (integer < 0n) for (let at = 0; at < bytes.length; at++) bytes[at] = ~bytes[at]!;
  return bytes;
}

export function integerOfBytes(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`));
}

function dayOf(text: string): bigint | undefined {
  const [, year, month, day] = DATE.exec(text) ?? [];
  if (year === undefined) return undefined;
  // The text is checked by writing it again: 30 February is none.
  const ms = Date.parse(`${year}-${month}-${day}T00:00:00Z`);
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== text) return undefined;
  return BigInt(ms / DAY_MS);
}

function ticksOfDay(text: string, perSecond: bigint): bigint | undefined {
  const [, hours, minutes, seconds, fraction = ''] = TIME.exec(text) ?? [];
  if (hours === undefined) return undefined;
  const nanos = BigInt(fraction.padEnd(9, '0'));
  const perTick = 1_000_000_000n / perSecond;
  if (nanos % perTick !== 0n) return undefined;
  return BigInt(Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * perSecond + nanos / perTick;
}

function ticksOf(text: string, perSecond: bigint, hasZone: boolean): bigint | undefined {
  const [, date = '', time = '', utc, sign, hours, minutes] = TIMESTAMP.exec(text) ?? [];
  if ((utc !== undefined || sign !== undefined) !== hasZone) return undefined;
  const day = dayOf(date);
  const ticks = ticksOfDay(time, perSecond);
  if (day === undefined || ticks === undefined) return undefined;
  const offset = BigInt(Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60) * (sign === '-' ? -1n : 1n);
  return (day * DAY_S - offset) * perSecond + ticks;
}

function dateText(day: bigint): string | undefined {
  if (day < FIRST_DAY || day > LAST_DAY) return undefined;
  return new Date(Number(day) * DAY_MS).toISOString().slice(0, 10);
}

function timeText(ticks: bigint, perSecond: bigint): string {
  const fraction = (ticks % perSecond).toString().padStart(String(perSecond).length - 1, '0');
  const seconds = Number(ticks / perSecond);
  const two = (number: number) => String(number).padStart(2, '0');
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${fraction}`;
}

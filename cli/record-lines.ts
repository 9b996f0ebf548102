/** A record for people: a line for each of its parts. */
import type { OutgoingRecord, ReceivedRecord } from '../bridge/kafka/records';
import type { Mask } from './masking';
import { shownBytes, shownText } from './shown-text';

const MOST_HEADER_CHARACTERS = 200;
const MOST_BODY_CHARACTERS = 2000;

export function headerLines(
  { headers }: Pick<OutgoingRecord | ReceivedRecord, 'headers'>,
  mask: Mask,
): string[] {
  return headers.map(([name, value]) => `${shownText(name)}: ${shownHeader(name, value, mask)}`);
}

/** The same for programs. A name may come twice. */
export function headersAsJson(
  { headers }: Pick<OutgoingRecord | ReceivedRecord, 'headers'>,
  mask: Mask,
): { readonly name: string; readonly value: string }[] {
  return headers.map(([name, value]) => ({ name, value: mask(name, value.toString()) }));
}

function shownHeader(name: string, value: string | Buffer, mask: Mask): string {
  const masked = mask(name, value.toString());
  if (masked !== value.toString()) return shownText(masked);
  return shownBytes(Buffer.from(value as Buffer), MOST_HEADER_CHARACTERS);
}

export function shownKey(key: Buffer | string | null | undefined): string | undefined {
  return key === null || key === undefined ? undefined : shownBytes(Buffer.from(key as Buffer), 100);
}

export function shownBody(value: Buffer | null): string {
  return value === null ? '(null)' : shownBytes(value, MOST_BODY_CHARACTERS);
}

/** JSON holds text: bytes that are none go in base64. */
export function bodyAsJson(
  value: Buffer | null,
): { readonly body: string | null } | { readonly body_base64: string } {
  if (value === null) return { body: null };
  const text = value.toString();
  return Buffer.from(text).equals(value) ? { body: text } : { body_base64: value.toString('base64') };
}

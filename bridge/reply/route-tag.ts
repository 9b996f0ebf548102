/**
 * Where a reply belongs, as part of the id: with `reply_routing` partition or topic a gateway can tell a reply that
 * came to the wrong one, which nobody is ever going to see, from one of a gateway that reads the same as it does.
 *
 * Tagged ids are UUIDs of version 8 (RFC 9562: contents up to the vendor). 106 of their bits stay random.
 */
import { randomUUID } from 'node:crypto';

const TAGGED = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{8}([0-9a-f]{4})$/;
const TAG_DIGITS = 4;
const VERSION_AT = 14;

/** Of a partition's or a node's number; two of them may have the same. */
export function routeTag(number: number): number {
  return number % 0x10000;
}

export function taggedId(tag: number): string {
  const id = randomUUID();
  const digits = tag.toString(16).padStart(TAG_DIGITS, '0');
  return `${id.slice(0, VERSION_AT)}8${id.slice(VERSION_AT + 1, -TAG_DIGITS)}${digits}`;
}

/** @returns undefined for an id without a tag */
export function routeTagOf(id: string): number | undefined {
  const [, digits] = TAGGED.exec(id) ?? [];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

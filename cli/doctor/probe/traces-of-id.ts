/** Where in a record an id is, as it was sent or in another form: for a service that answers almost right. */
import type { ReceivedRecord } from '../../../bridge/kafka/records';

export interface TraceOfId {
  /** `header x-id`, `the key`, `the value`. */
  readonly place: string;
  /** Undefined: as it was sent. */
  readonly form: string | undefined;
}

/** Longer values are not searched: an id is short, and a record can be large. */
const MOST_BYTES = 1024 * 1024;

export function traceOfId({ headers, key, value }: ReceivedRecord, id: string): TraceOfId | undefined {
  const places: (readonly [place: string, bytes: Buffer | null])[] = [
    ...headers.map(([name, bytes]) => [`header ${printable(name)}`, bytes] as const),
    ['the key', key],
    ['the value', value],
  ];
  const forms = formsOf(id);
  for (const [form, bytes] of forms)
    for (const [place, found] of places)
      if (found && found.length <= MOST_BYTES && found.includes(bytes)) return { place, form };
  const folded = id.toLowerCase();
  for (const [place, found] of places)
    if (found && found.length <= MOST_BYTES && found.toString().toLowerCase().includes(folded))
      return { place, form: 'in other letter case' };
  return undefined;
}

function formsOf(id: string): readonly (readonly [form: string | undefined, bytes: Buffer])[] {
  const hex = id.replaceAll('-', '');
  const raw = Buffer.from(hex, 'hex');
  return [
    [undefined, Buffer.from(id)],
    ['without hyphens', Buffer.from(hex)],
    ['without hyphens, in capitals', Buffer.from(hex.toUpperCase())],
    ['as base64 of its text', Buffer.from(Buffer.from(id).toString('base64').replace(/=+$/, ''))],
    // Of the sixteen bytes that a UUID is.
    ...(raw.length === 16
      ? ([
          ['as base64 of its bytes', Buffer.from(raw.toString('base64').replace(/=+$/, ''))],
          ['as sixteen raw bytes', raw],
        ] as const)
      : []),
  ];
}

function printable(name: string): string {
  return name
    .slice(0, 48)
    .replace(/[^\x21-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

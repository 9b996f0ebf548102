/**
 * Conversations recorded between a real Kong and two small plugin servers, where the machine has them: one JSON
 * object per line, a frame or an event of a connection.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface Recorded {
  readonly t: number;
  readonly entry: string;
  readonly conn: number;
  readonly ev?: 'open' | 'kong-closed' | 'server-closed' | 'kong-error' | 'server-error';
  readonly dir?: 'kong>server' | 'server>kong';
  readonly read?: number;
  readonly kind?: string;
  readonly b64?: string;
  readonly dec?: unknown;
}

/** From `dist/test/support` and from a tree compiled elsewhere alike: beside the repository, or where it is said. */
const FOLDER = process.env.KONG_RECORDINGS ?? path.join(process.cwd(), '..', 'shared', 'kong-rpc');

export const RECORDINGS_MISSING: string | false = existsSync(FOLDER)
  ? false
  : `no recordings of a real Kong at ${FOLDER}`;

export function recording(name: string): Recorded[] {
  return readFileSync(path.join(FOLDER, `${name}.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded);
}

/** @param prefix of the protocol: `pb-`, `mp-` */
export function recordingNames(prefix: string): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.replace('.jsonl', ''));
}

export function payloadOf(item: Recorded): Buffer {
  return Buffer.from(item.b64 ?? '', 'base64');
}

/** The recording without its log phase. */
export function accessPhase(items: readonly Recorded[]): Recorded[] {
  const kept: Recorded[] = [];
  const inLogPhase = new Set<number>();
  for (const item of items) {
    if (startsLogPhase(item)) inLogPhase.add(item.conn);
    if (!inLogPhase.has(item.conn)) kept.push(item);
    else if (endsEvent(item)) inLogPhase.delete(item.conn);
  }
  return kept;
}

function startsLogPhase(item: Recorded): boolean {
  return item.dir === 'kong>server' && /"(event_name|EventName)":"log"/.test(JSON.stringify(item.dec ?? ''));
}

function endsEvent(item: Recorded): boolean {
  if (item.dir !== 'server>kong') return false;
  return item.kind === 'RpcReturn' || JSON.stringify(item.dec ?? '').includes('"Data":"ret"');
}

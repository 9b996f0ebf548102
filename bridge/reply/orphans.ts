/** Replies that nobody waits for any more, as records of `orphan_topic`: what came, and why nobody got it. */
import type { OutgoingRecord, ReceivedRecord } from '../kafka/records';

/** `misrouted`: it came to a gateway that reads elsewhere than the one that asked. */
export type OrphanReason = 'late' | 'duplicate' | 'misrouted';

export interface Orphan {
  readonly reply: ReceivedRecord;
  readonly reason: OrphanReason;
  /** How long after the end of its wait; only of late ones. */
  readonly lateByMs?: number | undefined;
}

const PREFIX = 'orphan-';

/** Key, value and headers of the reply; headers that are not text stay behind, the client library cannot send them. */
export function orphanRecord({ reply, reason, lateByMs }: Orphan, orphanTopic: string): OutgoingRecord {
  const headers: [string, string][] = [
    [`${PREFIX}reason`, reason],
    [`${PREFIX}topic`, reply.topic],
    [`${PREFIX}partition`, String(reply.partition)],
    [`${PREFIX}offset`, String(reply.offset)],
  ];
  if (lateByMs !== undefined) headers.push([`${PREFIX}late-ms`, String(lateByMs)]);
  for (const [name, value] of reply.headers) {
    const text = textOf(value);
    // Whoever reads the orphans believes our word about them.
    if (text !== undefined && !name.includes('\0') && !name.toLowerCase().startsWith(PREFIX)) {
      headers.push([name, text]);
    }
  }
  return { topic: orphanTopic, key: reply.key, value: reply.value, headers };
}

function textOf(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined;
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : undefined;
}

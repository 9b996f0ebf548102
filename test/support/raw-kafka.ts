/** What tests do to a topic that the client library cannot do. */
import { askBroker } from '../../dev/kafka/ask-broker';
import { int16, int32, int64, text } from '../../dev/kafka/protocol-bytes';
import { recordBatch, withChecksum, type RawRecord } from './record-batch';

const PRODUCE = 0;
const DELETE_RECORDS = 21;
const TIMEOUT_MS = 10_000;
/** Some 700 KB with the records below; brokers take 1 MB. */
const RECORDS_PER_BATCH = 8000;

interface Place {
  /** Of a listener without security. */
  readonly port: number;
  readonly topic: string;
  /** Default 0. */
  readonly partition?: number;
}

export async function produceRaw(place: Place, records: readonly RawRecord[]): Promise<void> {
  await produceBatch(place, recordBatch(records));
}

/** Replies to somebody else, in batches of 8000: each has an id of its own that nobody waits for. */
export async function produceForeignReplies(place: Place, batches: number): Promise<number> {
  const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  const placeholder = Buffer.from(id(0));
  const record: RawRecord = {
    value: Buffer.from('{"accepted":true}'),
    headers: [['kafka_correlationId', placeholder]],
  };
  // Laid out once; for each batch only the ids are written anew.
  const batch = recordBatch(new Array<RawRecord>(RECORDS_PER_BATCH).fill(record));
  const idsAt: number[] = [];
  for (let at = batch.indexOf(placeholder); at !== -1; at = batch.indexOf(placeholder, at + 1))
    idsAt.push(at);
  let last = 0;
  for (let sent = 0; sent < batches; sent++) {
    for (const at of idsAt) batch.write(id(++last), at, 'latin1');
    await produceBatch(place, withChecksum(batch));
  }
  return last;
}

/** As retention does: the topic begins at this offset from now on. */
export async function deleteRecordsBefore(
  { port, topic, partition = 0 }: Place,
  offset: number,
): Promise<void> {
  const body = [int32(1), text(topic), int32(1), int32(partition), int64(offset), int32(TIMEOUT_MS)];
  const answer = await askBroker(port, DELETE_RECORDS, 0, Buffer.concat(body));
  // Throttle time, count, topic, count, partition, first offset, error.
  check('delete records', answer.readInt16BE(4 + 4 + text(topic).length + 4 + 4 + 8));
}

export async function produceBatch({ port, topic, partition = 0 }: Place, batch: Buffer): Promise<void> {
  const ALL_IN_SYNC = -1;
  const NO_TRANSACTION = -1;
  const body = [int16(NO_TRANSACTION), int16(ALL_IN_SYNC), int32(TIMEOUT_MS), int32(1), text(topic), int32(1), int32(partition), int32(batch.length), batch]; // prettier-ignore
  const answer = await askBroker(port, PRODUCE, 3, Buffer.concat(body));
  // Count, topic, count, partition, error.
  check('take a batch', answer.readInt16BE(4 + text(topic).length + 4 + 4));
}

function check(what: string, error: number): void {
  if (error !== 0) throw new Error(`Kafka does not ${what}: error ${error}.`);
}

/**
 * What a client sends back as Last-Event-ID: which stream, and how far it has it. A client can change what it says of its
 * place, and sees nothing but its own stream from another place on; whose stream it is, is signed (stream-returns.ts).
 */

export interface EventId {
  readonly streamId: string;
  /** Of the last event that the client has, as the process counts that has sent it; 0 for none. */
  readonly number: number;
  /** Undefined where no other process can go on with the stream. */
  readonly place: Place | undefined;
}

/** How far a client is, for processes that read partitions in another order. */
export interface Place {
  /** Who has counted `number`. */
  readonly counter: string;
  /** How many replies the client has, or was told that it has missed. */
  readonly replies: number;
  /**
   * Of the last reply that it has, by partition; those that have places are on one of their own, NUMBERED. Undefined: they
   * come on more partitions than an id has room for.
   */
  readonly offsets: ReadonlyMap<number, number> | undefined;
  /** It has all that had come then, and had not to wait for its turn; since 1970. */
  readonly asOfMs: number;
  /** For how long nothing had come then. */
  readonly quietMs: number;
  /** Nothing comes after it. */
  readonly isEnd: boolean;
}

/**
 * Replies that are told in the order of their places are on one partition, so to speak, which is none of Kafka's. Their
 * places, counted from 1, are its offsets, and 0 is that of a client that has none yet.
 */
export const NUMBERED = -1;

/** More partitions than this make an id too long for a request header. */
export const MOST_PARTITIONS = 64;

/** A beginning of our own: whoever sends one comes back to a stream, and is never a new request. */
const OURS = /^kks\d/;
const HERE = /^kks1\.([A-Za-z0-9_-]{22})\.(\d{1,9})$/;
const ANYWHERE =
  /^kks2\.([A-Za-z0-9_-]{50})\.(\d{1,9})\.([A-Za-z0-9_-]{8})\.(\d{1,9})\.(\d{1,14})\.(\d{1,9})\.(\*|[\dn:,]{0,1700})(\.end)?$/;
const OFFSET = /^(n|\d{1,9}):(\d{1,15})$/;
const NUMBERED_TEXT = 'n';
const MOST_CHARACTERS = 2000;

const OF_NO_STREAM: EventId = { streamId: '', number: 0, place: undefined };

export function eventIdText({ streamId, number, place }: EventId): string {
  if (place === undefined) return `kks1.${streamId}.${number}`;
  const { counter, replies, offsets, asOfMs, quietMs, isEnd } = place;
  return `kks2.${[streamId, number, counter, replies, asOfMs, quietMs].join('.')}.${offsetsText(offsets)}${isEnd ? '.end' : ''}`;
}

/** @returns undefined for what does not begin as ours do; what cannot be read is of no stream */
export function readEventId(text: unknown): EventId | undefined {
  if (typeof text !== 'string' || !OURS.test(text)) return undefined;
  if (text.length > MOST_CHARACTERS) return OF_NO_STREAM;
  const here = HERE.exec(text);
  if (here !== null) return { streamId: here[1]!, number: Number(here[2]), place: undefined };
  const [, streamId, number, counter, replies, asOfMs, quietMs, offsetsPart, end] = ANYWHERE.exec(text) ?? [];
  if (streamId === undefined || counter === undefined || offsetsPart === undefined) return OF_NO_STREAM;
  const offsets = readOffsets(offsetsPart);
  if (offsets === undefined && offsetsPart !== TOO_MANY) return OF_NO_STREAM;
  return {
    streamId,
    number: Number(number),
    place: {
      counter,
      replies: Number(replies),
      offsets,
      asOfMs: Number(asOfMs),
      quietMs: Number(quietMs),
      isEnd: end !== undefined,
    },
  };
}

/** Whether a client that is there has this reply. */
export function hasReply(
  { offsets }: Pick<Place, 'offsets'>,
  reply: { readonly partition: number; readonly offset: number },
): boolean {
  return reply.offset <= (offsets?.get(reply.partition) ?? -1);
}

/** Whether its client has been told replies in the order of their places. */
export function isNumbered({ offsets }: Pick<Place, 'offsets'>): boolean {
  return offsets?.has(NUMBERED) === true;
}

const TOO_MANY = '*';

function offsetsText(offsets: Place['offsets']): string {
  if (offsets === undefined || offsets.size > MOST_PARTITIONS) return TOO_MANY;
  return [...offsets].map(([partition, offset]) => `${partitionText(partition)}:${offset}`).join(',');
}

function readOffsets(text: string): Map<number, number> | undefined {
  const offsets = new Map<number, number>();
  if (text === '') return offsets;
  const parts = text.split(',');
  if (parts.length > MOST_PARTITIONS) return undefined;
  for (const part of parts) {
    const [, partition, offset] = OFFSET.exec(part) ?? [];
    if (partition === undefined) return undefined;
    offsets.set(partition === NUMBERED_TEXT ? NUMBERED : Number(partition), Number(offset));
  }
  return offsets;
}

function partitionText(partition: number): string {
  return partition === NUMBERED ? NUMBERED_TEXT : String(partition);
}

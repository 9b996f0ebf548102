/** What a client sends back as Last-Event-ID: which stream, and how far it has it. */

/** A beginning of our own: whoever sends one comes back to a stream, and is never a new request. */
const EVENT_ID = /^kks1\.([A-Za-z0-9_-]{22})\.(\d{1,9})$/;

export interface EventId {
  readonly streamId: string;
  /** Of the last event that the client has; 0 for none. */
  readonly number: number;
}

export function eventIdText({ streamId, number }: EventId): string {
  return `kks1.${streamId}.${number}`;
}

export function readEventId(text: unknown): EventId | undefined {
  const [, streamId, number] = (typeof text === 'string' && EVENT_ID.exec(text)) || [];
  return streamId === undefined ? undefined : { streamId, number: Number(number) };
}

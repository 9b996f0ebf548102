/** How the ids of a request cross from the producer's process to the consumer's: text in `kong.ctx.shared`. */
import type { WireId } from '../request/correlation-id';

export const SHARED_WIRE_ID = 'custom_kafka_correlation_id';

/** No id has a blank in it. */
export function wireIdToText({ id, requestId }: WireId): string {
  return requestId === undefined ? id : `${id} ${requestId}`;
}

export function wireIdFromText(text: string): WireId {
  const [id = '', requestId] = text.split(' ');
  return { id, requestId };
}

/** The id under which a request's reply is found. */
import { v4 as uuid } from 'uuid';
import { GatewayError } from '../errors';
import { MAX_ID_BYTES } from '../reply/dialects';
import { newRequestId } from '../reply/request-id';
import { taggedId } from '../reply/route-tag';

export const CORRELATIONS = ['generated', 'client'] as const;
export type Correlation = (typeof CORRELATIONS)[number];

/** Ids travel in headers of several systems: what all of them carry unharmed. */
const USABLE = /^[\x21-\x7e]+$/;

/** What a request is known by in Kafka. */
export interface WireId {
  /** By which its reply is found. */
  readonly id: string;
  /** Of ours, beside an id that the client chose; undefined where the id is ours already. */
  readonly requestId?: string | undefined;
  /** Made from what the client calls the request: whoever calls another one so gets the same. */
  readonly ofKey?: true;
}

/**
 * @param clientsId what the correlation header says; a generated id takes its place where there is none
 * @param routeTag put into a generated id, where replies are routed
 * @throws GatewayError `request_invalid` for a client's id that cannot travel
 */
export function wireId(correlation: Correlation, clientsId: string | undefined, routeTag?: number): WireId {
  // From a cryptographic source: who could guess an id could answer in the service's stead.
  if (correlation === 'generated' || clientsId === undefined)
    return { id: routeTag === undefined ? uuid() : taggedId(routeTag) };
  if (clientsId.length > MAX_ID_BYTES || !USABLE.test(clientsId)) {
    throw new GatewayError(
      'request_invalid',
      `the correlation id must be 1 to ${MAX_ID_BYTES} printable ASCII characters without blanks`,
    );
  }
  return { id: clientsId, requestId: newRequestId() };
}

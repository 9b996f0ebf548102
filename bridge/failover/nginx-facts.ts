/** What kong/failover-proxy.conf says of a failed request, in headers that replace those of a client. */
import type { IncomingHttpHeaders } from 'node:http';
import { isStatus } from '../reply/reply-status';
import { textFromKong, uriFromKong } from '../request/kong-text';
import type { FailureFacts } from './failed-request';

/** Sent with a request that is carried out later: it is not kept a second time, or it would go round and round. */
export const REPLAYED_HEADER = 'x-kafka-failover-replayed';
export const TICKET_HEADER = 'x-kafka-failover-ticket';
/** Base64 of JSON, because names of services may hold anything. */
export const FACTS_HEADER = 'x-kafka-failover-facts';

export interface NginxFacts extends Omit<FailureFacts, 'id'> {
  /** That were tried, as nginx writes them. */
  readonly upstreamAddresses: string | undefined;
}

/** @returns undefined for what the include did not write */
export function readFailureFacts(headers: IncomingHttpHeaders): NginxFacts | undefined {
  const facts = readFacts(headers[FACTS_HEADER]);
  if (facts === undefined || typeof facts.uri !== 'string' || !isStatus(facts.status)) return undefined;
  const text = (name: string): string | undefined => {
    const value = facts[name];
    return typeof value === 'string' && value !== '' ? textFromKong(value) : undefined;
  };
  return {
    uri: uriFromKong(facts.uri),
    status: facts.status,
    remoteAddress: text('remote_addr'),
    backendUrl: text('backend_url'),
    service: text('service'),
    route: text('route'),
    consumer: text('consumer'),
    upstreamAddresses: text('upstream_addr'),
    mayBeDelivered: mayBeDelivered(text('connect_time'), text('bytes_sent')),
  };
}

/** Lua writes its strings into JSON as the bytes that they are. */
function readFacts(header: string | string[] | undefined): Record<string, unknown> | undefined {
  try {
    const facts: unknown = JSON.parse(Buffer.from(String(header ?? ''), 'base64').toString('latin1'));
    return typeof facts === 'object' && facts !== null ? (facts as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * nginx has a value for each try, with commas between. A try that was not connected has `-`, and no byte was sent where
 * all have 0. What is not said counts as delivered: a request that is carried out twice is worse than one that waits.
 */
function mayBeDelivered(connectTimes: string | undefined, bytesSent: string | undefined): boolean {
  const isNothing = (values: string | undefined, nothing: string): boolean =>
    values !== undefined && values.split(/[,:]/).every((value) => value.trim() === nothing);
  return !(isNothing(connectTimes, '-') || isNothing(bytesSent, '0'));
}

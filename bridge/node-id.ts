/** The name of this gateway among those that share a reply topic. */
import { hostname } from 'node:os';
import { fnv1a } from './fnv1a';

/** Sets the name where the host's does not do, as for two gateways on one host. */
export const NODE_ID_VARIABLE = 'KONG_KAFKA_NODE_ID';

/** Leaves room for the rest of a topic name, which has at most 249 characters. */
const MAX_LENGTH = 100;

/** @returns the variable's value or the host's name, as characters of a topic name */
export function nodeId(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  host: string = hostname(),
): string {
  const name = environment[NODE_ID_VARIABLE] || host;
  return name.replace(/[^A-Za-z0-9._-]/g, '-').slice(-MAX_LENGTH) || 'unnamed';
}

/** The number at the end of a name such as `kong-3`, as StatefulSets give them; for other names a hash of them. */
export function nodeNumber(id: string): number {
  const [, ordinal] = /-(\d{1,9})$/.exec(id) ?? [];
  return ordinal === undefined ? fnv1a(id) : Number(ordinal);
}

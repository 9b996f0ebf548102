/** The name of this gateway among those that share a reply topic. */
import { hostname } from 'node:os';
import { WORKER, type Worker } from '../common/worker';
import { fnv1a } from './fnv1a';

/** Sets the name where the host's does not do, as for two gateways on one host. */
export const NODE_ID_VARIABLE = 'KONG_KAFKA_NODE_ID';

/** Leaves room for the rest of a topic name, which has at most 249 characters. */
const MAX_LENGTH = 100;

/**
 * Each of several workers of a node is a gateway of its own to Kafka, and its name ends in `-w` and its number.
 * @returns the variable's value or the host's name, as characters of a topic name
 */
export function nodeId(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  host: string = hostname(),
  worker: Worker = WORKER,
): string {
  const name = environment[NODE_ID_VARIABLE] || host;
  const ending = endingOf(worker);
  return (name.replace(/[^A-Za-z0-9._-]/g, '-').slice(ending.length - MAX_LENGTH) || 'unnamed') + ending;
}

/**
 * The number at the end of a name such as `kong-3`, as StatefulSets give them; for other names a hash of them. Those of the
 * workers of a node follow each other, and nodes with as many workers each have different ones.
 */
export function nodeNumber(id: string, worker: Worker = WORKER): number {
  const name = id.slice(0, id.length - endingOf(worker).length);
  const [, ordinal] = /-(\d{1,9})$/.exec(name) ?? [];
  const number = ordinal === undefined ? fnv1a(name) : Number(ordinal);
  return number * worker.count + worker.number - 1;
}

function endingOf({ number, count }: Worker): string {
  return count === 1 ? '' : `-w${number}`;
}

/** What a configuration does without a secret holds for one node. That is right for one gateway, and said for the others. */
import { randomBytes } from 'node:crypto';
import { NODE_SECRET_VARIABLE } from '../../common/worker';
import { log } from '../telemetry/log';

const NODE_SECRET = ofNode(process.env[NODE_SECRET_VARIABLE]);

/** Of this process, or of its node where that has several workers. */
export const OWN_SECRET = NODE_SECRET ?? randomBytes(32);

/** Other workers of this node have the same. */
export const IS_NODES_SECRET = NODE_SECRET !== undefined;

const told = new Set<string>();

/** Once for each option, however often Kong starts its configurations anew. */
export function tellWithoutSecret(
  option: 'result_secret' | 'idempotency_secret',
  secret: string | undefined,
): void {
  if (secret !== undefined || told.has(option)) return;
  told.add(option);
  log.warn('a secret is not set: what is made with it is known to this node only, until it starts again', {
    option,
  });
}

function ofNode(hex = ''): Buffer | undefined {
  return /^[0-9a-f]{64}$/.test(hex) ? Buffer.from(hex, 'hex') : undefined;
}

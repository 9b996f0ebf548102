/** What a configuration does without a secret holds for one process. That is right for one gateway, and said for the others. */
import { log } from '../telemetry/log';

const told = new Set<string>();

/** Once for each option, however often Kong starts its configurations anew. */
export function tellWithoutSecret(
  option: 'result_secret' | 'idempotency_secret',
  secret: string | undefined,
): void {
  if (secret !== undefined || told.has(option)) return;
  told.add(option);
  log.warn('a secret is not set: what is made with it is known to this process only, until it ends', {
    option,
  });
}

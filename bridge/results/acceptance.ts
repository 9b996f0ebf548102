/** The 202 of a request whose reply is asked for later. */
import type { HttpAnswer } from '../errors';
import { listItems, nameAndValue } from '../http-list';
import type { Wait } from '../reply/reply-topic';

/** How a wait may end before its reply has come. */
export interface Acceptance {
  readonly moment: Parameters<Wait['acceptAt']>[0];
  answer(): HttpAnswer;
}

/** When to come again, in seconds. Who asks then is held until the reply comes, so there is no need to guess. */
const RETRY_AFTER_SECONDS = 1;

export interface PendingResult {
  readonly id: string;
  /** Undefined for who has it already. */
  readonly location?: string;
  /** What was granted of the client's `Prefer`. */
  readonly preferences: readonly string[];
}

export function pendingAnswer({ id, location, preferences }: PendingResult): HttpAnswer {
  return {
    status: 202,
    headers: {
      ...(location !== undefined && { location }),
      ...(preferences.length > 0 && { 'preference-applied': preferences.join(', '), vary: 'Prefer' }),
      'retry-after': String(RETRY_AFTER_SECONDS),
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    },
    body: Buffer.from(JSON.stringify({ id, state: 'pending' })),
  };
}

/**
 * `Prefer: respond-async` of RFC 7240.
 * @param prefer all Prefer headers of the request, joined by commas
 */
export function prefersAsync(prefer: string | undefined): boolean {
  if (prefer === undefined) return false;
  // As in preferred-wait.ts.
  return listItems(prefer, ',;').some((item) => nameAndValue(item)[0] === 'respond-async');
}

/** One case: the request, and whether the answer is the one that was expected. */
import { ask } from '../support/stack';
import type { Case } from './framework';
import { JSON_TYPE } from './many-requests';
import type { CaseOutcome } from './outcome';

export async function tryCase(gatewayUrl: string, tried: Case): Promise<CaseOutcome> {
  let outcome: CaseOutcome;
  let left = tried.times ?? 1;
  do {
    const { status, body } = await ask(gatewayUrl + tried.path, { headers: JSON_TYPE, body: tried.body });
    outcome = judged(tried, status, body.toString());
  } while (outcome.right && --left > 0);
  return outcome;
}

export function judged(tried: Case, status: number, body: string): CaseOutcome {
  const { expected } = tried;
  const code = codeOf(body);
  const right =
    status === expected.status &&
    code === expected.code &&
    (expected.code !== undefined || body === (expected.body ?? ''));
  return { tried, right, answer: [status, code ?? body].join(' ').trim() };
}

/** The `code` of an error of the gateway. */
function codeOf(body: string): string | undefined {
  try {
    const { code } = JSON.parse(body) as { code?: unknown };
    return typeof code === 'string' ? code : undefined;
  } catch {
    return undefined;
  }
}

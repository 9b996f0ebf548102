import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { ErrorAnswers } from '../../bridge/answer';
import { GatewayError } from '../../bridge/errors';
import type { PhaseEvent } from '../../bridge/phase';
import { setLogLevel } from '../../bridge/telemetry/log';
import { captureLog } from '../pluginserver/support/serving';

function prepare(t: TestContext) {
  const logged = captureLog(t);
  const told: unknown[] = [];
  const clock = { nowMs: 0 };
  const errors = new ErrorAnswers('p', () => clock.nowMs);
  const event: PhaseEvent = {
    requestId: 'r',
    tell: (...call) => void told.push(call),
    exit: () => undefined,
    pass: () => undefined,
    goOn: () => undefined,
    onOver: () => undefined,
  };
  const fail = (error: unknown) => errors.answer(event, error, { requestId: 'r', correlationId: 'c' });
  return { logged, told, clock, fail };
}

// After the first one nothing was said any more, for days.
it('of a flood of one code there is a line a minute, and the number of those in between', (t) => {
  const { logged, told, clock, fail } = prepare(t);
  for (let times = 0; times < 10; times++) fail(new GatewayError('reply_timeout', 'no reply'));
  fail(new GatewayError('not_ready', 'no broker'));
  clock.nowMs = 60_000;
  fail(new GatewayError('reply_timeout', 'no reply'));
  assert.deepEqual(
    logged.map(({ level, code, further_times }) => [level, code, further_times]),
    [
      ['warn', 'reply_timeout', undefined],
      ['warn', 'not_ready', undefined],
      ['warn', 'reply_timeout', 9],
    ],
  );
  assert.deepEqual([logged[0]?.request_id, logged[0]?.correlation_id], ['r', 'c']);
  assert.equal(told.length, 2, "Kong's own log hears of each code once");
});

it("a client's mistake is never more than debug", (t) => {
  const { logged, told, fail } = prepare(t);
  fail(new GatewayError('request_invalid', 'no JSON'));
  assert.deepEqual([logged, told], [[], []]);
  setLogLevel('debug');
  t.after(() => setLogLevel('info'));
  fail(new GatewayError('request_invalid', 'no JSON'));
  assert.deepEqual([logged[0]?.level, logged[0]?.event], ['debug', 'request_refused']);
});

it('what a service said to its client is in no log', (t) => {
  const { logged, told, fail } = prepare(t);
  fail(new GatewayError('responder_error', 'card 4711 is refused'));
  assert.equal(logged.length, 1);
  assert.doesNotMatch(JSON.stringify([logged, told]), /4711/);
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import { Activity } from '../../../bridge/telemetry/activity';

/** With a clock that is set by hand. */
function prepare() {
  let nowMs = 0;
  const activity = new Activity({ now: () => nowMs });
  return {
    succeeded: (durationMs: number, atMs: number) => {
      nowMs = atMs;
      activity.succeeded(atMs - durationMs);
    },
    failed: (error: GatewayError) => activity.failed(error),
    status: (atMs: number) => {
      nowMs = atMs;
      return activity.status();
    },
  };
}

describe('the activity of a configuration', () => {
  it('that had no request has a rate of nothing, and no percentiles', () => {
    assert.deepEqual(prepare().status(1e6), {
      per_second: 0,
      failed_in_last_minute: 0,
      succeeded: 0,
      failed: 0,
      refused_to_client: 0,
    });
  });

  it('has percentiles that are right to 7 %, from a tenth of a millisecond to minutes', () => {
    for (const typicalMs of [0.1, 1, 7.7, 50, 999, 30_000, 300_000]) {
      const activity = prepare();
      for (let count = 0; count < 98; count++) activity.succeeded(typicalMs, 5);
      activity.succeeded(typicalMs * 1.5, 5);
      activity.succeeded(typicalMs * 1.5, 5);
      const { p50_ms = 0, p99_ms = 0 } = activity.status(5);
      assert.ok(Math.abs(p50_ms / typicalMs - 1) < 0.07, `p50 of ${typicalMs} is ${p50_ms}`);
      assert.ok(Math.abs(p99_ms / typicalMs / 1.5 - 1) < 0.07, `p99 of ${typicalMs * 1.5} is ${p99_ms}`);
    }
  });

  it('takes any duration', () => {
    const activity = prepare();
    for (const durationMs of [0, -1, 1e-9, 1e12]) activity.succeeded(durationMs, 5);
    assert.equal(activity.status(5).succeeded, 4);
  });

  it('forgets what is older than a minute, in a process that has slept as well', () => {
    const activity = prepare();
    activity.succeeded(100, 0);
    activity.succeeded(200, 55_000);
    assert.equal(activity.status(59_999).per_second, 0.0333);
    assert.ok((activity.status(60_000).p50_ms ?? 0) > 180, 'the first is forgotten');
    const later = activity.status(3_600_000);
    assert.deepEqual([later.per_second, later.p50_ms, later.succeeded], [0, undefined, 2]);
    activity.succeeded(300, 3_600_000);
    assert.equal(activity.status(3_600_000).per_second, 0.02);
  });

  it('has the last failure with its time and how often, and only counts mistakes of clients', () => {
    const activity = prepare();
    activity.failed(new GatewayError('not_ready', 'no broker'));
    activity.failed(new GatewayError('reply_timeout', 'no reply on a'));
    activity.failed(new GatewayError('not_ready', 'no broker at b:1'));
    activity.failed(new GatewayError('request_invalid', 'no JSON'));
    const { last_error, ...rest } = activity.status(5);
    assert.deepEqual([rest.failed, rest.failed_in_last_minute, rest.refused_to_client], [3, 3, 1]);
    assert.ok(Math.abs(Date.parse(last_error?.at ?? '') - Date.now()) < 60_000);
    assert.deepEqual(
      { ...last_error, at: '' },
      { code: 'not_ready', detail: 'no broker at b:1', at: '', count: 2 },
    );
  });

  it('does not repeat what a service said', () => {
    const activity = prepare();
    activity.failed(new GatewayError('responder_error', 'card 4711 is refused'));
    assert.doesNotMatch(JSON.stringify(activity.status(2)), /4711/);
  });
});

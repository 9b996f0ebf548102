import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_TRACING, openTracing, UNTRACED, wantsSpans } from '../../../bridge/telemetry/tracing';
import { captureLog } from '../../pluginserver/support/serving';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };

test("spans are wanted where OpenTelemetry's own variables say so", () => {
  assert.ok(wantsSpans(ENDPOINT));
  assert.ok(wantsSpans({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }));
  for (const not of [
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: '' },
    { ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' },
    { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' },
  ]) {
    assert.ok(!wantsSpans(not), JSON.stringify(not));
  }
});

test('where they are not, nothing is loaded and nothing done', async () => {
  const tracing = openTracing({}, () => assert.fail('loaded'));
  assert.equal(tracing, NO_TRACING);
  const record = { topic: 'orders', value: null, headers: [] };
  const trace = tracing.tracer({ replyTopic: 'replies', b3: 'off' }).begin(record, 'id');
  assert.equal(trace, UNTRACED);
  assert.equal(trace.traced(record), record);
  assert.equal(trace.traceId, undefined);
  trace.delivered(undefined);
  trace.ended(undefined, 'reply_timeout');
  assert.equal(tracing.status(), undefined);
  await tracing.close();
});

test('packages that are not installed are one line of the log, and no span', (t) => {
  const lines = captureLog(t);
  const tracing = openTracing(ENDPOINT, () => {
    throw Object.assign(new Error("Cannot find module '@opentelemetry/api'\nRequire stack: …"), {
      code: 'MODULE_NOT_FOUND',
    });
  });
  assert.equal(tracing, NO_TRACING);
  assert.equal(lines.length, 1);
  assert.equal(lines[0]?.level, 'error');
  assert.match(String(lines[0]?.message), /not installed \(npm install --include=optional\)/);
  assert.equal(lines[0]?.reason, "Cannot find module '@opentelemetry/api'");
});

test('nor is anything else that is wrong with them a reason not to start', (t) => {
  const lines = captureLog(t);
  const broken = {
    exportSpans: () => {
      throw new Error('no such thing');
    },
  };
  assert.equal(
    openTracing(ENDPOINT, () => broken),
    NO_TRACING,
  );
  assert.deepEqual(
    lines.map(({ message, reason }) => [message, reason]),
    [['no spans are exported: OpenTelemetry cannot be started', 'no such thing']],
  );
});

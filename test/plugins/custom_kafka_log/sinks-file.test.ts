import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { LogSinks } from '../../../bridge/log-sink/log-sinks';
import { openSinksOfFile } from '../../../plugins/custom_kafka_log/sinks-file';
import { captureLog, temporaryFolder } from '../../pluginserver/support/serving';
import { FakeKafka } from '../../support/fake-kafka';

const GOOD = {
  bootstrap_servers: [{ host: 'kafka', port: 9092 }],
  topic: 'logs',
  sink: { secret: 'planted-secret-of-16' },
};

function opened(t: TestContext, content: string) {
  const logged = captureLog(t);
  const path = join(temporaryFolder(t), 'sinks.json');
  writeFileSync(path, content);
  const sinks = new LogSinks({ clients: new FakeKafka() });
  openSinksOfFile(sinks, path);
  assert.doesNotMatch(JSON.stringify(logged), /planted/);
  return { sinks, logged };
}

test('each member of the file is a sink', (t) => {
  const { sinks, logged } = opened(t, JSON.stringify({ main: GOOD, other: { ...GOOD, topic: 'others' } }));
  assert.equal(sinks.named('main')?.status().topic, 'logs');
  assert.equal(sinks.named('other')?.status().topic, 'others');
  assert.deepEqual(logged, []);
});

test('a bad one is said and hurts no other', (t) => {
  const { sinks, logged } = opened(
    t,
    JSON.stringify({ bad: { ...GOOD, topic: undefined }, odd: 5, main: GOOD }),
  );
  assert.ok(sinks.named('main'));
  assert.deepEqual(
    logged.map(({ sink, reason }) => [sink, reason]),
    [
      ['bad', 'topic: required option is missing'],
      ['odd', 'bootstrap_servers: required option is missing'],
    ],
  );
});

test('a file that is no JSON, or not there, is said, and not quoted', (t) => {
  assert.equal(opened(t, '{"sink": "planted').logged[0]?.reason, 'it is not JSON');
  const logged = captureLog(t);
  openSinksOfFile(new LogSinks({ clients: new FakeKafka() }), '/nowhere/sinks.json');
  assert.match(String(logged[0]?.reason), /ENOENT/);
});

test('no file, no sinks', (t) => {
  const logged = captureLog(t);
  openSinksOfFile(new LogSinks({ clients: new FakeKafka() }), undefined);
  assert.deepEqual(logged, []);
});

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { log, setLogLevel, setLogSink } from '../../../bridge/telemetry/log';
import { recentEvents } from '../../../bridge/telemetry/recent-events';

it('what matters is remembered whatever the level of the log, newest first, and nothing of a single request', (t) => {
  t.after(setLogSink(() => undefined));
  t.after(() => setLogLevel('info'));
  setLogLevel('error');
  log.info('kafka client up', { client: 'producer' });
  log.warn('kafka topic lost', { topic: 'x'.repeat(5000), request_id: 'r-1', error: new Error('no') });
  log.debug('instance started', { plugin: 'p' });
  const [lost, up, ...rest] = recentEvents();
  assert.deepEqual([lost?.event, up?.event, rest], ['kafka_topic_lost', 'kafka_client_up', []]);
  assert.deepEqual(Object.keys(lost?.facts ?? {}), ['topic']);
  assert.equal(String(lost?.facts.topic).length, 300);
  for (let times = 0; times < 100; times++) log.info('kafka client up', { client: 'producer' });
  assert.equal(recentEvents().length, 20);
});

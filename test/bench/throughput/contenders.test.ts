import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { CONTENDERS } from '../../../bench/throughput/contenders';
import { Drivers } from '../../../bench/throughput/drivers';
import { measure } from '../../../bench/throughput/measure';
import { trafficPerRequest } from '../../../bench/throughput/report';

const DIST = join(__dirname, '..', '..', '..');
const NOWHERE = { bootstrapServers: [], requestTopic: '', replyTopic: '' };

test('two builds of a plugin server are driven by one process, under both kinds of load', async (t) => {
  const drivers = new Drivers();
  t.after(() => drivers.stop());
  const start = async (label: string) => {
    const contender = await CONTENDERS.empty.start({ label, dist: DIST, drivers, kafka: NOWHERE });
    t.after(() => contender.stop());
    return contender;
  };
  const [server, against] = [await start('server'), await start('against')];
  assert.equal(server.driverId, against.driverId);
  assert.notDeepEqual(server.processIds, against.processIds);
  const bystanders = { brokerIds: [], responderIds: [], processIds: [process.pid] };
  for (const [contender, load] of [
    [server, { inFlight: 8, durationMs: 300 }],
    [against, { perSecond: 100, durationMs: 300 }],
    [server, { perSecond: 100, durationMs: 300 }],
  ] as const) {
    const found = { contender: 'any', round: 1, ...(await measure(contender, load, bystanders)) };
    assert.deepEqual([found.lost, found.crossed], [0, 0]);
    assert.ok(found.p50Ms > 0 && found.residentMegabytes > 0 && found.ended >= found.requests);
    if ('perSecond' in load) assert.equal(found.ended, 30);
    // The reads of the first plugin, id and exit of the second.
    const calls = trafficPerRequest(found, (traffic) => traffic.calls);
    assert.ok(calls !== undefined && calls >= 2 && Number.isInteger(calls), `${calls} calls`);
    assert.deepEqual(Object.keys(found.traffic ?? {}), ['empty_producer', 'empty_consumer']);
  }
});

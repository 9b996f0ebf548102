/**
 * A configuration that cannot work is accepted by Kong where its schema cannot tell. Its reason was logged for every
 * worker, at every change of any plugin, and again with every request; Kong's own log had it only when nothing else had
 * failed before; the status page had it nowhere.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { GatewayError } from '../../bridge/errors';
import { Instances } from '../../pluginserver/instances';
import { toPlugin } from '../../pluginserver/plugin-loader';
import { captureLog, serve } from './support/serving';

const NO_TOPIC = 'topic: required option is missing';

interface Config {
  readonly __plugin_id?: string;
  readonly route_id?: string;
  readonly broken?: string;
}

function failing(config: unknown): void {
  const { broken } = config as Config;
  if (broken !== undefined) throw new GatewayError('misconfigured', broken);
}

function instances(t: TestContext) {
  const logged = captureLog(t);
  class Plugin {
    constructor(config: unknown) {
      failing(config);
    }
  }
  let nowMs = Date.UTC(2026, 0, 1);
  const all = new Instances(toPlugin({ Plugin, Name: 'demo' }, '/demo'), () => nowMs);
  return {
    start: (config: Config | string) =>
      all.start('demo', Buffer.from(typeof config === 'string' ? config : JSON.stringify(config))),
    close: (id: number) => all.close(id),
    pass: (ms: number) => (nowMs += ms),
    expire: () => all.expire(),
    list: () => all.brokenConfigurations(),
    errors: () => logged.filter(({ level }) => level === 'error'),
  };
}

describe('a broken configuration', () => {
  it('is logged once, however many workers start it and however often, and counted', (t) => {
    const { start, errors, list, pass } = instances(t);
    const config = { __plugin_id: 'p-1', route_id: 'r-1', broken: NO_TOPIC };
    for (let times = 0; times < 20; times++) {
      start(config);
      pass(1000);
    }
    assert.deepEqual(
      errors().map(({ plugin, reason, kong_plugin_id, route_id }) => [
        plugin,
        reason,
        kong_plugin_id,
        route_id,
      ]),
      [['demo', NO_TOPIC, 'p-1', 'r-1']],
    );
    assert.deepEqual(list(), [
      { plugin: 'demo', reason: NO_TOPIC, since: '2026-01-01T00:00:00.000Z', instances: 20, kong_plugin_id: 'p-1', route_id: 'r-1' },
    ]); // prettier-ignore
  });

  it('is logged again for another reason, and for another route', (t) => {
    const { start, errors, list } = instances(t);
    start({ __plugin_id: 'p-1', broken: NO_TOPIC });
    start({ __plugin_id: 'p-1', broken: 'timeout: must be integer' });
    start({ __plugin_id: 'p-2', broken: 'timeout: must be integer' });
    assert.equal(errors().length, 3);
    assert.deepEqual(
      list().map(({ reason, kong_plugin_id }) => [reason, kong_plugin_id]),
      [
        ['timeout: must be integer', 'p-1'],
        ['timeout: must be integer', 'p-2'],
      ],
    );
  });

  it('leaves the list as soon as one with its id works, though Kong never closes the old instances', (t) => {
    const { start, list, errors } = instances(t);
    start({ __plugin_id: 'p-1', broken: NO_TOPIC });
    start({ __plugin_id: 'p-1' });
    assert.deepEqual(list(), []);
    start({ __plugin_id: 'p-1', broken: NO_TOPIC });
    assert.equal(errors().length, 2, 'it broke again, which is news');
  });

  it('leaves the list with its last instance, and is not told anew when Kong starts the next', (t) => {
    const { start, close, list, errors, pass, expire } = instances(t);
    const config = { __plugin_id: 'p-1', broken: NO_TOPIC };
    const [one] = [start(config), start(config)];
    close(one.id);
    assert.equal(list()[0]?.instances, 1);
    pass(25 * 60 * 60 * 1000);
    expire();
    assert.deepEqual(list(), []);
    start(config);
    assert.deepEqual([list().length, errors().length], [1, 1]);
  });

  it('without ids of Kong is known by its reason', (t) => {
    const { start, list, errors } = instances(t);
    for (const config of ['{"password":s3cret}', '{"password":s3cret}', '{"broken":"b"}', '{"broken":"b"}']) {
      start(config);
    }
    assert.equal(errors().length, 2);
    assert.deepEqual(
      list().map(({ reason, instances: count, kong_plugin_id }) => [reason, count, kong_plugin_id]),
      [
        ['the configuration Kong sent is not JSON', 2, undefined],
        ['b', 2, undefined],
      ],
    );
  });

  it('takes bounded room, whatever names it quotes and however many there are', (t) => {
    const { start, list, errors } = instances(t);
    for (let route = 0; route < 200; route++) {
      start({
        __plugin_id: `p-${route}`,
        route_id: 'x'.repeat(1000),
        broken: `${'y'.repeat(10_000)}: unknown`,
      });
    }
    assert.equal(list().length, 50);
    assert.equal(list().at(-1)?.kong_plugin_id, 'p-199');
    assert.ok(JSON.stringify(list()).length < 50 * 700);
    assert.ok(JSON.stringify(errors()).length < 200 * 1000);
  });
});

describe("Kong's own log", () => {
  it('has the reason with the first failing request of each broken configuration, and the log has it no more', async (t) => {
    const reasons = [NO_TOPIC, 'timeout: must be integer'];
    let which = 0;
    const { startEvent, server, logged } = await serve(t, {
      onCreate: () => failing({ broken: reasons[which] }),
    });
    for (which = 0; which < reasons.length; which++) {
      for (const isFirst of [true, false, false]) {
        const kong = await startEvent();
        if (isFirst) {
          const args = await kong.expectCall('kong.log.err');
          assert.match(String(args), new RegExp(`demo: misconfigured: ${reasons[which]}`));
          kong.answerNothing();
        }
        assert.equal((await kong.readExit()).status, 500);
      }
    }
    const loud = logged.filter(({ level }) => level !== 'debug' && level !== 'info');
    assert.deepEqual(
      loud.map(({ level, reason }) => [level, reason]),
      reasons.map((reason) => ['error', reason]),
    );
    assert.deepEqual(
      server.brokenConfigurations().map(({ reason, instances: count }) => [reason, count]),
      reasons.map((reason) => [reason, 3]),
    );
  });

  it('has it also when another request has failed before', async (t) => {
    let broken: string | undefined;
    const { startEvent } = await serve(t, {
      onCreate: () => failing({ broken }),
      access: () => Promise.reject(new Error('a bug')),
    });
    for (broken of [undefined, NO_TOPIC]) {
      const kong = await startEvent();
      await kong.expectCall('kong.log.err');
      kong.answerNothing();
      assert.equal((await kong.readExit()).status, 500);
    }
  });
});

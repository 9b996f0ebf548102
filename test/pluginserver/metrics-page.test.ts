/** `/metrics` of a plugin server whose plugins know nothing of it. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test, type TestContext } from 'node:test';
import {
  Metrics,
  OPEN_METRICS_TYPE,
  TEXT_TYPE,
  type Family,
  type MetricGroup,
} from '../../bridge/telemetry/metrics';
import { Overload } from '../../pluginserver/overload';
import { PluginProcesses } from '../../pluginserver/process-hooks';
import type { PluginServer } from '../../pluginserver/server';
import { ServerMetrics } from '../../pluginserver/server-metrics';
import { statusRequests } from '../../pluginserver/status';
import { StatusPort } from '../../pluginserver/status-port';
import { serve } from './support/serving';

const THINGS: Family = { name: 'things', type: 'gauge', help: 'Things.', labels: ['number'] };
const MANY = 5000;

/** Far more than one part has. */
const many: MetricGroup = {
  families: [THINGS],
  collect: (page) => {
    for (let number = 0; number < MANY; number++) page.add(THINGS, `number="${number}"`, number);
  },
};

async function statusPort(
  t: TestContext,
  server: PluginServer,
  metrics: (own: ServerMetrics) => Pick<Metrics, 'scrape'>,
): Promise<string> {
  const overload = new Overload();
  const sources = {
    version: '9.9.9',
    servers: [server],
    processes: new PluginProcesses([server.plugin]),
    overload,
    lifecycle: { draining: false, unhandledErrors: { rejections: 0, exceptions: 0 } },
  };
  const own = new ServerMetrics({ version: '9.9.9', servers: [server], overload });
  const page = new StatusPort({
    port: 0,
    host: '127.0.0.1',
    onRequest: statusRequests({ ...sources, metrics: metrics(own) }),
  });
  assert.equal(await page.tryToListen(), undefined);
  t.after(() => page.close());
  return `http://127.0.0.1:${page.boundPort}/metrics`;
}

test('what a plugin server tells of itself, under the names of its plugins', async (t) => {
  const { server, startEvent } = await serve(t, {
    name: 'any_plugin',
    access: () => new Promise(() => undefined),
  });
  await startEvent();
  const url = await statusPort(t, server, (own) => new Metrics([own]));
  const text = await (await fetch(url)).text();
  assert.match(text, /^kong_kafka_pluginserver_events_total\{plugin="any_plugin"\} 1$/m);
  assert.match(text, /^kong_kafka_pluginserver_open_events\{plugin="any_plugin"\} 1$/m);
  assert.match(text, /^kong_kafka_pluginserver_instances\{plugin="any_plugin"\} 1$/m);
  assert.match(text, /^kong_kafka_pluginserver_refused_total\{reason="event_loop"\} 0$/m);
  assert.match(text, /^kong_kafka_build_info\{version="9\.9\.9",node="v[\d.]+"\} 1$/m);
  const [, startSeconds = ''] = /^process_start_time_seconds (\S+)$/m.exec(text) ?? [];
  assert.ok(Math.abs(Number(startSeconds) * 1000 - performance.timeOrigin) < 1000);
});

test('the form is the one that the scraper names', async (t) => {
  const { server } = await serve(t, {});
  const url = await statusPort(t, server, (own) => new Metrics([own]));
  const typeFor = async (accept: string): Promise<string | null> =>
    (await fetch(url, { headers: { accept } })).headers.get('content-type');
  const prometheus = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
  assert.equal(await typeFor(prometheus), OPEN_METRICS_TYPE);
  assert.equal(await typeFor('*/*'), TEXT_TYPE);
  assert.equal((await fetch(url, { method: 'POST' })).status, 405);
  const head = await fetch(url, { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
});

test('a long page is whole', async (t) => {
  const { server } = await serve(t, {});
  const url = await statusPort(t, server, () => new Metrics([many]));
  const text = await (await fetch(url)).text();
  assert.equal(text.match(/^things\{/gm)?.length, MANY);
});

/** With a thousand configurations it is 80,000 lines, and all requests would wait for the last. */
test('other work goes on between two parts of it', async (t) => {
  const { server } = await serve(t, {});
  let parts = 0;
  let turns = 0;
  const counting: Pick<Metrics, 'scrape'> = {
    scrape: (type) => {
      const own = new Metrics([many]).scrape(type);
      const turn = (): void => {
        turns++;
        if (parts > 0 && turns < 1000) setImmediate(turn);
      };
      return {
        next: () => {
          if (parts++ === 0) setImmediate(turn);
          return own.next();
        },
      };
    },
  };
  const url = await statusPort(t, server, () => counting);
  await (await fetch(url)).text();
  assert.ok(parts > 10);
  assert.ok(turns >= parts - 1, `${turns} turns of the event loop in ${parts} parts`);
});

test('what fails in the middle ends the answer, and nothing else', async (t) => {
  const { server, logged } = await serve(t, {});
  let isBroken = true;
  const url = await statusPort(t, server, (own) => ({
    scrape: (type) => {
      const parts = new Metrics([own]).scrape(type);
      if (!isBroken) return parts;
      let first = true;
      return {
        next: () => {
          if (!first) throw new Error('broken');
          first = false;
          return parts.next();
        },
      };
    },
  }));
  await new Promise<void>((resolve) => {
    const asked = request(url, (answer) => {
      answer.resume();
      answer.on('error', () => resolve());
      answer.on('end', () => assert.fail('it looks whole'));
    });
    asked.end();
  });
  assert.ok(logged.some(({ message }) => message === 'the status page failed'));
  isBroken = false;
  assert.equal((await fetch(url)).status, 200);
});

/** Whatever is sent to the status port. */
import assert from 'node:assert/strict';
import { setLogSink } from '../../../bridge/telemetry/log';
import { Metrics } from '../../../bridge/telemetry/metrics';
import { Overload } from '../../../pluginserver/overload';
import { PluginProcesses } from '../../../pluginserver/process-hooks';
import { toPlugin } from '../../../pluginserver/plugin-loader';
import { PluginServer } from '../../../pluginserver/server';
import { ServerMetrics } from '../../../pluginserver/server-metrics';
import { statusRequests } from '../../../pluginserver/status';
import { StatusPort } from '../../../pluginserver/status-port';
import { CUTS, inPieces, talk } from '../talk';
import type { FuzzTarget } from '../target';

const STATUSES = new Set([
  '100',
  '200',
  '400',
  '401',
  '404',
  '405',
  '408',
  '413',
  '417',
  '421',
  '431',
  '503',
]);

let page: StatusPort | undefined;
let restoreLog: (() => void) | undefined;

async function start(): Promise<void> {
  restoreLog = setLogSink(() => undefined);
  const plugin = toPlugin({ Plugin: class {}, Name: 'demo' }, '/');
  const servers = [new PluginServer({ plugin, socketPath: '/never-bound' })];
  const overload = new Overload();
  const sources = {
    version: '1',
    servers,
    processes: new PluginProcesses([plugin]),
    overload,
    metrics: new Metrics([new ServerMetrics({ version: '1', servers, overload })]),
    lifecycle: { draining: false, unhandledErrors: { rejections: 0, exceptions: 0 } },
  };
  const onRequest = statusRequests(sources, { host: '127.0.0.1', allowedHosts: ['a'], token: 'secret' });
  page = new StatusPort({ port: 0, host: '127.0.0.1', onRequest });
  assert.equal(await page.tryToListen(), undefined);
}

async function end(): Promise<void> {
  page?.close();
  restoreLog?.();
}

const sample = (...lines: string[]): Buffer =>
  Buffer.concat([Buffer.of(40, 80), Buffer.from([...lines, '', ''].join('\r\n'))]);
let cases = 0;

export const STATUS_REQUESTS: FuzzTarget = {
  name: 'status-requests',
  samples: [
    sample('GET /status HTTP/1.1', 'Host: a', 'Authorization: Bearer secret'),
    sample('GET / HTTP/1.1', 'Host: 127.0.0.1:8900', 'Authorization: Basic OnNlY3JldA=='),
    sample('GET /troubleshooting HTTP/1.1', 'Host: [::1]:8900', 'Authorization: Bearer secret'),
    sample('GET /ready?x=1 HTTP/1.1', 'Host: a', 'Connection: close'),
    sample('GET /metrics HTTP/1.1', 'Host: localhost', 'Accept: application/openmetrics-text'),
    sample('HEAD /live HTTP/1.0', 'Connection: keep-alive'),
    sample('POST /status HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', '', '3', 'abc', '0'),
    sample('GET / HTTP/1.1', 'Host: a', 'Content-Length: 3', '', 'abcGET /status HTTP/1.1', 'Host: a'),
    sample('GET /status HTTP/1.1', 'Host: a', 'Upgrade: websocket', 'Connection: upgrade'),
    sample('OPTIONS * HTTP/1.1', 'Host: a', 'Expect: 100-continue'),
    sample('CONNECT a:1 HTTP/1.1', 'Host: a'),
  ],
  tokens: [
    '\r\n',
    'HTTP/1.1',
    'Transfer-Encoding: chunked\r\n',
    'Content-Length: ',
    '/status',
    'Host: ',
    'Authorization: Bearer secret\r\n',
    'Expect: x\r\n',
  ],
  shortCases: 100,
  start,
  end,
  run: async (input) => {
    const answer = (await talk(page!.boundPort!, inPieces(input, CUTS))).toString('latin1');
    if (answer !== '') assert.ok(STATUSES.has(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? ''), answer);
    if (++cases % 50 !== 0) return;
    const normal = await talk(page!.boundPort!, [Buffer.from('GET /live HTTP/1.1\r\nHost: a\r\n\r\n')]);
    assert.match(normal.toString(), /^HTTP\/1\.1 200 /, 'a normal request was not answered');
  },
};

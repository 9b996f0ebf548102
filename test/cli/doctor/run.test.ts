/** The command as a whole, without Kafka. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocketServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Finding } from '../../../cli/doctor/finding';
import { runInside } from '../run-cli';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kong-kafka-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function fileWith(t: TestContext, text: string): string {
  const path = join(folder(t), 'file');
  writeFileSync(path, text);
  return path;
}

const HEALTHY = `
_format_version: '3.0'
routes:
  - name: orders
    paths: [/orders]
    plugins:
      - name: custom_kafka_request_reply
        config:
          bootstrap_servers: [{ host: 127.0.0.1, port: 1 }]
          topic: orders.requests
          reply_topic: orders.replies
          authentication: { strategy: sasl, mechanism: PLAIN, user: u, password: planted }
`;
const BROKEN = HEALTHY.replace('custom_kafka_request_reply', 'custom_kafka_producer');

interface Document {
  readonly ok: boolean;
  readonly findings: readonly Finding[];
}
const parsed = (text: string) => JSON.parse(text) as Document;

test('nothing wrong: exit code 0, what was not asked is said', async (t) => {
  const run = await runInside(['doctor', '--config', fileWith(t, HEALTHY), '--no-kafka', '--kong-version', '3.9.1', '--json']); // prettier-ignore
  const { ok, findings } = parsed(run.stdout);
  assert.deepEqual([run.code, ok], [0, true]);
  assert.deepEqual(
    findings.map(({ code, where }) => [code, where]),
    [
      ['not_checked', 'Kong'],
      ['not_checked', 'plugin server'],
      ['not_checked', 'Kafka'],
    ],
  );
});

/** It got a request, which no client ever sends there. */
test('a route that gives replies to earlier requests is not probed', async (t) => {
  const results = HEALTHY.replace(
    /$/,
    '          reply: { mode: result, result_secret: "planted, sixteen characters" }\n',
  );
  const run = await runInside(['doctor', '--config', fileWith(t, results), '--probe', 'orders']);
  assert.equal(run.code, 2);
  assert.match(run.stderr, /--probe: route orders has mode: result, which sends nothing/);
});

test('something wrong: exit code 3, in words', async (t) => {
  const run = await runInside(['doctor', '--config', fileWith(t, BROKEN), '--no-kafka']);
  assert.equal(run.code, 3);
  assert.match(
    run.stdout,
    /^error {2}producer_without_consumer {2}route orders\n {2}Replies on orders\.replies/,
  );
  assert.match(run.stdout, /\n {2}fix: Add to the plugins of route orders:\n/);
  assert.match(run.stdout, /\n1 plugin on 1 route, 0 topics: 1 error, 0 warnings, \d notes\.\n$/);
  assert.doesNotMatch(run.stdout + run.stderr, /planted/);
});

test('brokers that are not there are a finding, without the password', async (t) => {
  const run = await runInside(['doctor', '--config', fileWith(t, HEALTHY), '--json']);
  const found = parsed(run.stdout).findings.find(({ code }) => code === 'cluster_unreachable');
  assert.match(found!.what, /^127\.0\.0\.1:1: .*ECONNREFUSED/);
  assert.equal(run.code, 3);
  assert.match(run.stderr, /Asking the brokers 127\.0\.0\.1:1 about 2 topics \.\.\./);
  assert.doesNotMatch(run.stdout + run.stderr, /planted/);
});

test('a vault that cannot be opened: its brokers are not asked, and that is said', async (t) => {
  const config = fileWith(t, HEALTHY.replace('password: planted', "password: '{vault://hcv/kafka/p}'"));
  const { findings } = parsed((await runInside(['doctor', '--config', config, '--json'])).stdout);
  assert.ok(
    findings.some(
      ({ code, what }) => code === 'not_checked' && /authentication\.password stands in a vault/.test(what),
    ),
  );
  assert.ok(findings.every(({ code }) => code !== 'cluster_unreachable'));
});

test('the plugin server, with its token', async (t) => {
  const server = createServer(({ headers, url }, response) => {
    const isAllowed = headers.authorization === 'Bearer secret' && url === '/status';
    response.writeHead(isAllowed ? 200 : 401, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ready: true, state: 'draining', plugins: {} }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const args = ['doctor', '--config', fileWith(t, HEALTHY), '--no-kafka', '--status-url', url, '--json'];
  const codes = async (env: Record<string, string>) =>
    parsed((await runInside(args, { env })).stdout).findings.map(({ code }) => code);
  assert.ok((await codes({})).includes('server_unreachable'));
  const withToken = await codes({ KONG_KAFKA_STATUS_TOKEN: 'secret' });
  assert.ok(withToken.includes('server_not_serving') && withToken.includes('server_plugin_missing'));
});

test('sockets and dumps of the settings, where they are on this machine', async (t) => {
  const place = folder(t);
  const [there, gone, dump] = [
    join(place, 'a.sock'),
    join(place, 'b.sock'),
    join(place, 'custom_kafka_log.json'),
  ];
  const server = createSocketServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(there, resolve));
  t.after(() => server.close());
  writeFileSync(dump, '{}');
  const settings = fileWith(
    t,
    `pluginserver_names = a,b,c\npluginserver_a_socket = ${there}\npluginserver_b_socket = ${gone}\npluginserver_c_socket = /not/here/c.sock\npluginserver_a_query_cmd = cat ${dump}\n`,
  );
  const run = await runInside([
    'doctor',
    '--config',
    fileWith(t, HEALTHY),
    '--no-kafka',
    '--kong-conf',
    settings,
    '--json',
  ]);
  const { findings } = parsed(run.stdout);
  const whereOf = (wanted: string) =>
    findings.filter(({ code }) => code === wanted).map(({ where }) => where);
  assert.deepEqual(whereOf('socket_missing'), [gone]);
  assert.deepEqual(whereOf('dump_older'), [dump]);
});

const WRONG: [args: readonly string[], sentence: RegExp][] = [
  [[], /^Say where the configuration is/],
  [['--config', 'a', '--admin-url', 'http://b'], /^Say where the configuration is/],
  [['--admin-url', 'http://me:planted@kong'], /^--admin-url needs an http or https URL without login/],
  [['--admin-url', 'http://:planted@kong'], /^--admin-url needs an http or https URL without login/],
  [['--config', 'a', '--kong-version', 'new'], /^--kong-version needs a version/],
  [['--config', 'a', '--yes'], /^--yes has no meaning/],
  [['--config', 'a', '--no-kafka', '--probe', 'b'], /^--no-kafka does not go with/],
  [['--config', 'a', '--kong-conf', '/nowhere'], /^--kong-conf: ENOENT/],
  [['--admin-url', 'http://b', '--admin-header', 'planted'], /^--admin-header needs <name>: <value>\./],
  [['--config', '/nowhere/kong.yml'], /^--config: ENOENT/],
];
for (const [args, sentence] of WRONG)
  test(`refused: doctor ${args.join(' ')}`, async () => {
    const run = await runInside(['doctor', ...args]);
    assert.deepEqual([run.code, run.stdout], [2, '']);
    assert.match(run.stderr, sentence);
    assert.doesNotMatch(run.stderr, /planted/);
  });

test('numbers and routes that make no sense', async (t) => {
  const config = ['doctor', '--config', fileWith(t, HEALTHY), '--json'];
  const probe = await runInside([...config, '--probe', 'nobody']);
  assert.equal(probe.code, 2);
  assert.match(probe.stderr, /there is no route nobody\. Routes with these plugins: orders\./);
  const number = await runInside([...config, '--topic-partitions', 'x']);
  assert.match(number.stderr, /^--topic-partitions needs an integer above 0, got "x"\./);
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FLAGS, parseReplayOptions, USAGE, UsageError, type ReplayOptions } from '../../replay/options';
import type { KeptRequest } from '../../replay/kept-request';

const LEAST = ['--bootstrap', 'kafka:9092', '--to', 'http://kong:8000'];
const parse = (...args: string[]) => parseReplayOptions([...LEAST, ...args]) as ReplayOptions;

test('little has to be said', () => {
  const options = parse();
  assert.deepEqual(
    [options.topic, options.group, options.doneTopic, options.deadTopic],
    ['failed-requests', 'kong-kafka-replay', 'failed-requests.done', 'failed-requests.dead'],
  );
  assert.deepEqual([options.maxAttempts, options.backOff], [10, { firstMs: 500, longestMs: 60_000 }]);
  assert.deepEqual([options.rate, options.maybe, options.dryRun, options.follow], [undefined, false, false, false]);
  assert.equal(options.targets.get('')?.baseUrl.href, 'http://kong:8000/');
  assert.deepEqual(options.connection.bootstrapServers, ['kafka:9092']);
  for (const flag of ['--help', '-h']) assert.equal(parseReplayOptions([flag]), undefined);
}); // prettier-ignore

test('its help explains every flag that it takes, and no other', () => {
  const explained = [...USAGE.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name);
  assert.deepEqual(explained.sort(), Object.keys(FLAGS).sort());
});

test('the topics beside it are named after the topic, or by the operator', () => {
  const { doneTopic, deadTopic } = parse('--topic', 'late', '--dead-topic', 'd');
  assert.deepEqual([doneTopic, deadTopic], ['late.done', 'd']);
});

test('services have URLs of their own', () => {
  const { targets } = parse('--to', 'orders=https://orders/base', '--header', 'X-A: b: c');
  assert.equal(targets.get('orders')?.baseUrl.href, 'https://orders/base');
  assert.deepEqual(targets.get('orders')?.headers, [['X-A', 'b: c']]);
  assert.equal(targets.get('')?.baseUrl.href, 'http://kong:8000/');
});

test('the Host of the client is kept where the operator wants it', () => {
  assert.equal(parse().targets.get('')?.keepsHost, false);
  assert.equal(parse('--keep-host').targets.get('')?.keepsHost, true);
});

test('a secret comes from a file', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-replay-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [token, connection] = [join(folder, 'token'), join(folder, 'connection')];
  writeFileSync(token, 'Bearer planted\n');
  const { targets } = parse('--header', `Authorization: @${token}`);
  assert.deepEqual(targets.get('')?.headers, [['Authorization', 'Bearer planted']]);

  writeFileSync(connection, JSON.stringify({ bootstrap_servers: [{ host: 'k', port: 1 }], security: { ssl: true } }));
  const options = parseReplayOptions(['--connection', connection, '--to', 'http://kong']);
  assert.deepEqual(options?.connection.bootstrapServers, ['k:1']);
  writeFileSync(connection, JSON.stringify({ bootstrap_servers: [], secret: 'planted' }));
  assert.throws(
    () => parseReplayOptions(['--connection', connection, '--to', 'http://kong']),
    (error: Error) => error instanceof UsageError && error.message.startsWith(`--connection ${connection}: `) && !error.message.includes('planted'),
  );
}); // prettier-ignore

test('all filters must hold', () => {
  const request = { service: 'orders', status: 502, uri: '/orders/1', timestampMs: 1_000_000 } as KeptRequest;
  const isWanted = (...rules: string[]) =>
    parse(...rules.flatMap((rule) => ['--only', rule])).isWanted(request, 1_060_000);
  for (const rule of ['status=502', 'service=orders', 'path=/orders/', 'younger=61', 'older=59'])
    assert.equal(isWanted(rule), true, rule);
  for (const rule of ['status=504', 'service=order', 'path=/bills', 'younger=60', 'older=60'])
    assert.equal(isWanted('status=502', rule), false, rule);
  const undated = { ...request, timestampMs: NaN };
  for (const rule of ['younger=1', 'older=1'])
    assert.equal(parse('--only', rule).isWanted(undated, 0), false);
});

const WRONG: [args: string[], sentence: string][] = [
  [['--to', 'http://kong'], 'Give --bootstrap or --connection. See --help.'],
  [['--bootstrap', 'k:1'], '--to says where requests go, and is missing.'],
  [[...LEAST, '--to', 'ftp://x'], '--to needs an http or https URL without query and login.'],
  [[...LEAST, '--to', 'http://a:b@x'], '--to needs an http or https URL without query and login.'],
  [[...LEAST, '--to', 'http://:planted@x'], '--to needs an http or https URL without query and login.'],
  [[...LEAST, '--dead-topic', 'failed-requests'], '--topic, --dead-topic, --done-topic and --audit-topic need a name each.'],
  [[...LEAST, '--header', 'no value'], '--header needs <name>: <value>.'],
  [[...LEAST, '--rate', '0'], '--rate needs an integer above 0, got "0".'],
  [[...LEAST, '--max-attempts', 'x'], '--max-attempts needs an integer above 0, got "x".'],
  [[...LEAST, '--back-off-ms', '5'], '--back-off-ms needs <first>,<longest>, got "5".'],
  [[...LEAST, '--back-off-ms', '9,5'], '--back-off-ms needs <first>,<longest>, got "9,5".'],
  [[...LEAST, '--only', 'constructor=x'], '--only needs status, service, path, younger or older =<value>, got "constructor=x".'],
  [[...LEAST, '--only', 'older=x'], '--only needs status, service, path, younger or older =<value>, got "older=x".'],
  [[...LEAST, '--fast'], "Unknown option '--fast'. See --help."],
]; // prettier-ignore
for (const [args, sentence] of WRONG)
  test(`refused: ${sentence}`, () =>
    assert.throws(
      () => parseReplayOptions(args),
      (error: Error) => error instanceof UsageError && error.message === sentence,
    ));

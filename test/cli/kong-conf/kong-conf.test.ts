import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MODES } from '../../../cli/kong-conf/settings-block';
import { parseSettings } from '../../../cli/kong-config/settings';
import { diagnoseAll } from '../../../cli/doctor/checks/all';
import { factsOf, FAILOVER, ONE_EVENT, routeWith } from '../doctor/facts';
import { runInside } from '../run-cli';

const ROOT = join(__dirname, '..', '..', '..', '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const printed = async (...args: string[]) => {
  const run = await runInside(['kong-conf', ...args]);
  assert.deepEqual([run.code, run.stderr], [0, '']);
  return run.stdout;
};
const sorted = (settings: ReadonlyMap<string, string>) =>
  [...settings].sort(([one], [other]) => one.localeCompare(other));

for (const mode of MODES)
  test(`${mode}: the same settings as in the file that is shipped`, async () => {
    const shipped = parseSettings(read(`kong/kong-${mode}.env`));
    for (const format of ['conf', 'env'])
      assert.deepEqual(
        sorted(parseSettings(await printed('--mode', mode, '--format', format))),
        sorted(shipped),
      );
    const { settings } = JSON.parse(await printed('--mode', mode, '--json')) as {
      settings: Record<string, string>;
    };
    assert.deepEqual(sorted(new Map(Object.entries(settings))), sorted(shipped));
  });

test('some plugins only, with those of others', async () => {
  const settings = parseSettings(
    await printed(
      '--plugin',
      'custom_kafka_log',
      '--other-plugin',
      'mine',
      '--other-entry',
      'go',
      '--body-buffer',
      '2m',
    ),
  );
  assert.equal(settings.get('plugins'), 'bundled,mine,custom_kafka_log');
  assert.equal(settings.get('pluginserver_names'), 'go,kafka-log');
  assert.equal(settings.get('nginx_http_client_body_buffer_size'), '2m');
  assert.equal(settings.has('pluginserver_kafka_producer_socket'), false);
});

test('doctor finds nothing wrong with what is printed', async () => {
  const document = {
    services: [{ name: 'backend', url: 'http://backend' }],
    ...routeWith([ONE_EVENT, FAILOVER], { service: 'backend' }),
  };
  const flags = ['--plugin', ONE_EVENT.name, '--plugin', FAILOVER.name, '--body-buffer', '2m'];
  for (const version of ['3.8.0', '3.9.1']) {
    const settings = Object.fromEntries(parseSettings(await printed('--kong-version', version, ...flags)));
    assert.deepEqual(diagnoseAll(factsOf({ document, settings, kong: { version } })), []);
  }
});

test('Kong 3.4 gets a command for each entry, and the warning that it fails open', async () => {
  const text = await printed('--kong-version', '3.4.2');
  const commands = [...parseSettings(text)].filter(([name]) => name.endsWith('_start_cmd'));
  assert.equal(commands.length, 5);
  assert.ok(commands.every(([, command]) => command.endsWith('/main.js hold')));
  assert.match(text, /# Kong 3\.4\.2 lets requests pass/);
});

/** It got includes that it does not read, and a dump with which nothing is kept without them. */
test('Kong before 3.6 gets failover by the log phase, and is told what goes with it', async () => {
  const flags = ['--plugin', FAILOVER.name, '--kong-version', '3.5.0', '--body-buffer', '2m'];
  const text = await printed(...flags);
  const settings = Object.fromEntries(parseSettings(text));
  assert.match(settings.pluginserver_kafka_failover_query_cmd!, /\/custom_kafka_failover\.with-log\.json$/);
  assert.deepEqual(
    Object.keys(settings).filter((name) => name.endsWith('_include')),
    [],
  );
  assert.match(
    text,
    /# Kong 3\.5\.0 reads no includes for custom_kafka_failover: it needs capture: log there\./,
  );
  const byLog = { ...FAILOVER, config: { ...FAILOVER.config, capture: 'log' } };
  const document = { services: [{ name: 's', url: 'http://s' }], ...routeWith([byLog], { service: 's' }) };
  assert.deepEqual(diagnoseAll(factsOf({ document, settings, kong: { version: '3.5.0' } })), []);
});

/** The listener was in that folder, and nginx looked for it in the usual one: nothing was kept. */
test('with sockets in another folder it says where nginx has to look for the listener', async () => {
  const elsewhere = await printed('--plugin', FAILOVER.name, '--socket-dir', '/run/other');
  assert.match(elsewhere, /--http-listen unix:\/run\/other\/http\.sock/);
  assert.match(
    elsewhere,
    /# .*copy of failover-proxy\.conf.*proxy_pass http:\/\/unix:\/run\/other\/http\.sock:;/,
  );
  const usual = await printed('--plugin', FAILOVER.name);
  assert.doesNotMatch(usual, /proxy_pass/);
  // The remark holds as long as that is what the file says.
  assert.ok(read('kong/failover-proxy.conf').includes('proxy_pass http://unix:/run/kong-kafka/http.sock:;'));
});

const WRONG: [args: string[], sentence: RegExp][] = [
  [['--kong-version', 'x'], /^--kong-version needs a version/],
  [['--plugin', 'kafka-log'], /^--plugin is one of custom_kafka_producer, /],
  [['--body-buffer', '1 m'], /^--body-buffer needs a size/],
  [['--folder', '/opt/a b'], /^--folder needs a path from the root, without blanks/],
  [['--mode', 'both'], /Allowed choices are external, managed/],
];
for (const [args, sentence] of WRONG)
  test(`refused: kong-conf ${args.join(' ')}`, async () => {
    const run = await runInside(['kong-conf', ...args]);
    assert.equal(run.code, 2);
    assert.match(run.stderr, sentence);
  });

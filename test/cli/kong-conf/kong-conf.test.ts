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

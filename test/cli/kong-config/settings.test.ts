import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isBefore, kongVersion } from '../../../cli/kong-config/kong-version';
import { entriesIn, nginxBytes, parseSettings } from '../../../cli/kong-config/settings';

test('kong.conf and KONG_ variables say the same', () => {
  const expected = new Map([
    ['plugins', 'bundled,custom_kafka_log'],
    ['log_level', 'info'],
  ]);
  assert.deepEqual(parseSettings('# a comment\nplugins = bundled,custom_kafka_log # and why\n\nlog_level=info\n'), expected); // prettier-ignore
  assert.deepEqual(
    parseSettings('KONG_PLUGINS=bundled,custom_kafka_log\r\nexport KONG_LOG_LEVEL="info"\n#KONG_PREFIX=/x'),
    expected,
  );
});

test('a hash is a comment in kong.conf only, and not where it is escaped', () => {
  assert.equal(parseSettings('pg_password = a\\#b # c').get('pg_password'), 'a#b');
  assert.equal(parseSettings('KONG_PG_PASSWORD=a#b').get('pg_password'), 'a#b');
});

test('entries of plugin servers', () => {
  const settings = parseSettings(
    'pluginserver_names = kafka-log, js\npluginserver_kafka_log_socket = /a\npluginserver_kafka_log_query_cmd = cat /x',
  );
  assert.deepEqual(entriesIn(settings), [
    { name: 'kafka-log', socket: '/a', queryCommand: 'cat /x', startCommand: undefined },
    { name: 'js', socket: undefined, queryCommand: undefined, startCommand: undefined },
  ]);
});

test('sizes of nginx', () => {
  assert.deepEqual(['8k', '1M', '512', '2g', 'x'].map(nginxBytes), [
    8192,
    1048576,
    512,
    2147483648,
    undefined,
  ]);
});

test('versions of Kong', () => {
  assert.equal(kongVersion('nightly'), undefined);
  assert.equal(kongVersion('3.9.3')?.isEnterprise, false);
  assert.equal(kongVersion('3.11.0.0-enterprise-edition')?.isEnterprise, true);
  for (const [version, since, before] of [
    ['3.7.1', '3.8', true],
    ['3.8.0', '3.8', false],
    ['3.10.0', '3.9', false],
    ['3.9', '3.10', true],
    ['4.0', '3.9', false],
  ] as const)
    assert.equal(isBefore(kongVersion(version)!, since), before, `${version} ${since}`);
});

/**
 * Every block of YAML is a configuration that Kong and the plugins take, or says `yaml other`. Every block of JSON is JSON,
 * and what commands send to the Admin API is a configuration as well.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PLUGINS } from '../../common/plugins';
import { parseLogConfig } from '../../plugins/custom_kafka_log/config';
import { checkAdminApi, checkYaml, hasAdminApi } from './support/configurations';
import { allPages, type Block } from './support/pages';

const blocks = allPages().flatMap((page) =>
  page.blocks.map((block) => ({ ...block, name: `${page.path}:${block.line}` })),
);
const shown = new Set<string>();

function each(kind: string, wanted: (block: Block) => boolean, check: (block: Block) => void): void {
  const found = blocks.filter(wanted);
  describe(kind, () => {
    for (const block of found) it(block.name, () => check(block));
    it('was found', () => assert.ok(found.length > 0));
  });
}

each(
  'a configuration in YAML',
  ({ language, marks }) => language === 'yaml' && !marks.includes('other'),
  ({ text }) => checkYaml(text).plugins.forEach((plugin) => shown.add(plugin)),
);

each(
  'a body for the Admin API',
  (block) => block.language === 'sh' && hasAdminApi(block) && block.text.includes('"config"'),
  ({ text }) => assert.notEqual(checkAdminApi(text).plugins.length, 0),
);

each(
  'a file of log sinks',
  ({ language, text }) => language === 'json' && text.includes('"sink"'),
  ({ text }) => {
    const sinks = Object.entries(JSON.parse(text) as Record<string, { sink: object }>);
    for (const [name, config] of sinks) parseLogConfig({ ...config, sink: { ...config.sink, name } });
  },
);

each(
  'anything in JSON',
  ({ language }) => language === 'json',
  ({ text }) => {
    assert.ok(JSON.parse(text));
    if (/"name":\s*"custom_kafka_/.test(text)) checkYaml(text);
  },
);

it('every plugin is shown', () => {
  assert.deepEqual([...shown].sort(), PLUGINS.map(({ name }) => name as string).sort());
});

it('the check refuses what is wrong', () => {
  const wrong = [
    '_format_version: "3.0"\nroutes: [{ paths: [/a], plugins: [{ name: custom_kafka_producer, config: { topic: a } }] }]',
    'plugins: [{ name: custom_kafka_consumer, config: { time_out: 5 } }]',
    'plugins: [{ name: custom_kafka_nothing }]',
    'no_such_option: 1',
    'custom_fields: [',
  ];
  for (const text of wrong) assert.throws(() => checkYaml(text), Error, text);
  const body = `curl localhost:8001/plugins -d '{"name":"custom_kafka_consumer","config":{"time_out":5}}'\n`;
  assert.throws(() => checkAdminApi(body));
});

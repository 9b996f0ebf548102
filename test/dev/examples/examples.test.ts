/** What the documentation shows must load: in Kong's schema, in the stand-in gateway, and in the plugins themselves. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { EXAMPLES } from '../../../dev/examples/examples';
import { adminApi, declarative, kongPlugins, ROUTE } from '../../../dev/examples/render';
import { parseDeclarative } from '../../../dev/gateway/declarative';
import { loadDump } from '../../../dev/gateway/dump';
import { PLUGINS, type PluginName } from '../../../common/plugins';
import { newKeyPair } from '../../support/key-pair';
import { PARSERS } from '../../support/plugin-parsers';

const DUMPS = new Map(
  PLUGINS.map(({ name }) => [
    name,
    loadDump(join(__dirname, '..', '..', '..', '..', 'kong', `${name}.json`)),
  ]),
);

const OWN = newKeyPair();

/** What the vault references of the examples stand for. */
const ENVIRONMENT: Record<string, string> = {
  KAFKA_PASSWORD: 'a password',
  KAFKA_CLIENT_SECRET: 'a secret',
  KAFKA_LOG_SECRET: 'a secret of more than sixteen',
  KAFKA_CA: OWN.certificate,
  KAFKA_CERTIFICATE: OWN.certificate,
  KAFKA_KEY: OWN.key,
};

/** As Kong hands a configuration over: without references. */
function resolved(config: object): unknown {
  return JSON.parse(JSON.stringify(config), (_, value: unknown) => {
    const name = typeof value === 'string' ? /^\{vault:\/\/env\/(.+)\}$/.exec(value)?.[1] : undefined;
    return name === undefined ? value : ENVIRONMENT[name.replaceAll('-', '_').toUpperCase()];
  });
}

interface Plugin {
  readonly name: string;
  readonly config?: object;
}

function load(document: unknown): readonly Plugin[] {
  const { plugins } = parseDeclarative(document, DUMPS, ENVIRONMENT);
  return plugins;
}

for (const example of EXAMPLES) {
  test(`${example.slug}: loads as it is shown, in every form`, () => {
    const shown = example.plugins.map(({ name }) => name);
    assert.deepEqual(
      load(parse(declarative(example))).map(({ name }) => name),
      shown,
    );

    const bodies = [...adminApi(example).matchAll(/-d '([\s\S]*?)'\n/g)].map(
      ([, body = '']) => JSON.parse(body.replaceAll("'\\''", "'")) as Plugin,
    );
    assert.deepEqual(bodies, example.plugins);

    const resources = parseAllDocuments(kongPlugins(example)).map(
      (document) =>
        document.toJS() as { kind: string; metadata: { name: string }; plugin: string; config?: object },
    );
    // `…-request_reply` was among them, which Kubernetes refuses.
    for (const { metadata } of resources) assert.match(metadata.name, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
    assert.deepEqual(
      resources.map(({ kind }) => kind),
      shown.map(() => 'KongPlugin'),
    );
    const fromResources = resources.map(({ plugin, config }) => ({
      name: plugin,
      ...(config && { config }),
    }));
    for (const plugins of [bodies, fromResources]) {
      load({ _format_version: '3.0', routes: [{ name: ROUTE, paths: ['/x'], plugins }] });
      for (const { name, config = {} } of plugins) PARSERS[name as PluginName](resolved(config));
    }
  });
}

test('no two examples share a name', () => {
  assert.equal(new Set(EXAMPLES.map(({ slug }) => slug)).size, EXAMPLES.length);
});

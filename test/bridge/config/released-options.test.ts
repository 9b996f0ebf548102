/** What gateways of the last release must be able to read, while some of them still run it. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { OptionTable } from '../../../bridge/config/fields';
import { kongDump } from '../../../bridge/config/kong-schema';
import { configParser } from '../../../bridge/config/parse';
import { RELEASED_VERSION, releasedOptions } from '../../../bridge/config/released-options';
import { PLUGINS, dumpName } from '../../../common/plugins';
import { DEFINITION as CONSUMER } from '../../../plugins/custom_kafka_consumer/config';

const ROOT = join(__dirname, '..', '..', '..', '..');

interface SchemaNode {
  readonly type: string;
  readonly required?: boolean;
  readonly default?: unknown;
  readonly fields?: readonly Record<string, SchemaNode>[];
  readonly elements?: SchemaNode;
}
interface Dump {
  readonly Plugins: readonly {
    readonly Version: string;
    readonly Schema: { readonly fields: readonly Record<string, SchemaNode>[] };
  }[];
}

/** Every option of a dump by its full name. */
function optionsOf({ Plugins }: Dump): Map<string, SchemaNode> {
  const found = new Map<string, SchemaNode>();
  const visit = (fields: SchemaNode['fields'], prefix: string): void => {
    for (const [name, node] of (fields ?? []).flatMap((entry) => Object.entries(entry))) {
      found.set(prefix + name, node);
      visit(node.fields ?? node.elements?.fields, `${prefix}${name}.`);
    }
  };
  visit(Plugins[0]?.Schema.fields.find((entry) => 'config' in entry)?.config?.fields, '');
  return found;
}

const committed = (plugin: (typeof PLUGINS)[number]): Dump =>
  JSON.parse(readFileSync(join(ROOT, 'kong', dumpName(plugin)), 'utf8')) as Dump;

const TABLE = [
  { name: 'timeout', type: 'integer', default: 5000, description: 'Has been there for long.' },
  { name: 'patience', type: 'integer', default: 7, description: 'Is new, and has a default.' },
  {
    name: 'forward_headers',
    type: 'record',
    description: 'Has been there for long.',
    fields: [{ name: 'shape', type: 'string', default: 'round', description: 'Is new, inside of a record.' }],
  },
] as const satisfies OptionTable;

describe('an option that is newer than the last release', () => {
  const { identity } = CONSUMER;
  const options = optionsOf(kongDump({ identity, options: TABLE, rules: [] }) as unknown as Dump);

  // A control plane puts every default into what it sends, and a data plane refuses what it does not know: all of it.
  it('has no default in the schema that Kong gets', () => {
    assert.equal(options.get('timeout')?.default, 5000);
    assert.ok(!('default' in options.get('patience')!));
    assert.ok(!('default' in options.get('forward_headers.shape')!));
  });

  it('has its default in the plugin server, also where Kong says null', () => {
    const parse = configParser(TABLE, []);
    for (const raw of [{}, { patience: null, forward_headers: { shape: null } }]) {
      const config = parse(raw);
      assert.deepEqual([config.patience, config.forward_headers.shape], [7, 'round']);
    }
  });

  it('keeps its default in a plugin that is itself new', () => {
    const dump = kongDump({ identity: { ...identity, name: 'custom_kafka_new' }, options: TABLE, rules: [] });
    assert.equal(optionsOf(dump as unknown as Dump).get('patience')?.default, 7);
  });
});

describe('the dumps and the last release', () => {
  for (const plugin of PLUGINS) {
    const options = optionsOf(committed(plugin));
    const released = releasedOptions(plugin.name);

    it(`${plugin.name}: nothing new has a default, or has to be given`, () => {
      if (released === undefined) return;
      for (const [name, { type, required, default: value }] of options) {
        if (released.has(name)) continue;
        assert.equal(value, undefined, name);
        assert.ok(required !== true || type === 'record', name);
      }
    });

    it(`${plugin.name}: every name that was valid is`, () => {
      assert.ok(released!.size > 10);
      for (const name of released!) assert.ok(options.has(name), name);
    });

    // A data plane gets no configuration at all if the second number of its plugin is greater than the control plane's.
    it(`${plugin.name}: the version differs in its last number at most`, () => {
      const line = (version: string | undefined) => version?.split('.').slice(0, 2);
      assert.deepEqual(line(committed(plugin).Plugins[0]?.Version), line(RELEASED_VERSION));
    });
  }
});

/** Plugin dumps as Kong 3.4 and 3.9 check them before they start. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { checkDump, describePlugin, loadDump, type KongVersion } from '../../../dev/gateway/dump';
import {
  entryOf,
  isObject,
  type FieldEntry,
  type FieldSchema,
  type JsonTable,
} from '../../../dev/gateway/schema';

const VERSIONS: KongVersion[] = ['3.4', '3.9'];

function dump(field: object = { type: 'string' }, plugin: object = {}): object {
  return {
    Protocol: 'ProtoBuf:1',
    Plugins: [
      {
        Name: 'p',
        Version: '1.0.0',
        Phases: ['access'],
        Priority: 740,
        Schema: { name: 'p', fields: [{ config: { type: 'record', fields: [{ f: field }] } }] },
        ...plugin,
      },
    ],
  };
}

describe('checkDump', () => {
  it('accepts everything that both versions know', () => {
    const field = {
      type: 'string',
      required: true,
      default: 'abc',
      one_of: ['abc', 'def'],
      len_min: 1,
      len_max: 10,
      referenceable: true,
      encrypted: true,
      description: 'Ten characters or more.',
      match_all: [{ pattern: '^%a+$', err: 'letters' }],
    };
    for (const version of VERSIONS) assert.deepEqual(checkDump(dump(field), version), []);
  });

  const refused: [title: string, dump: object, message: string][] = [
    ['a description too short', dump({ type: 'string', description: 'short' }), 'config.f.description: length must be at least 10'],
    ['a description too long', dump({ type: 'string', description: 'x'.repeat(501) }), 'config.f.description: length must be at most 500'],
    ['an unknown attribute', dump({ type: 'string', secret: true }), 'config.f.secret: unknown field'],
    ['a function', dump({ type: 'string', custom_validator: 'x' }), 'config.f.custom_validator: expected a function'],
    ['an array without elements', dump({ type: 'array' }), "config.f: field of type 'array' must declare 'elements'"],
    ['a map without values', dump({ type: 'map', keys: { type: 'string' } }), "config.f: field of type 'map' must declare 'values'"],
    ['a missing type', dump({}), 'config.f: missing type declaration'],
    ['bounds on text', dump({ type: 'string', between: [1, 2] }), "config.f: field of type 'string' cannot have attribute 'between'"],
    ['a list on a boolean', dump({ type: 'boolean', one_of: [true] }), "config.f: field of type 'boolean' cannot have attribute 'one_of'"],
    ['a bound that is no number', dump({ type: 'integer', gt: '0' }), 'config.f.gt: expected a number'],
    ['three bounds', dump({ type: 'integer', between: [1, 2, 3] }), 'config.f.between: length must be 2'],
    ['a default that breaks its own rules', dump({ type: 'integer', default: 0, between: [1, 2] }), 'config.f.default: value should be between 1 and 2'],
    ['an error inside of elements', dump({ type: 'array', elements: { type: 'string', nope: 1 } }), 'config.f.elements.nope: unknown field'],
    ['an unknown entity check', dump({ type: 'record', fields: [], entity_checks: [{ nope: [] }] }), 'config.f.entity_checks.nope: unknown field'],
    ['a short version', dump(undefined, { Version: '1.0' }), 'Version: expected the form x.y.z, got "1.0"'],
    ['a fractional priority', dump(undefined, { Priority: 1.5 }), 'Priority: 1.5 is not a valid integer number'],
    ['no priority', dump(undefined, { Priority: undefined }), 'Priority: required field missing'],
    ['no schema', dump(undefined, { Schema: undefined }), 'Schema: expected an input table'],
    ['a field beside config', dump(undefined, { Schema: { name: 'p', fields: [{ extra: { type: 'string' } }] } }), 'extra: cannot create a new field'],
    ['a description of protocols too short', dump(undefined, { Schema: { name: 'p', fields: [{ protocols: { type: 'set', elements: { type: 'string' }, description: 'short' } }] } }), 'protocols.description: length must be at least 10'],
    ['an attribute of the schema itself', dump(undefined, { Schema: { name: 'p', fields: [], nope: 1 } }), 'Schema.nope: unknown field'],
    ['nothing', {}, 'the dump describes no plugin'],
  ]; // prettier-ignore
  for (const [title, bad, message] of refused) {
    it(`refuses ${title}`, () => {
      for (const version of VERSIONS) assert.deepEqual(checkDump(bad, version), [message]);
    });
  }

  it('refuses for 3.4 what only 3.9 knows', () => {
    for (const more of [{ examples: ['a'] }, { deprecation: { message: 'x' } }, { transient: true }]) {
      const [attribute] = Object.keys(more);
      assert.deepEqual(checkDump(dump({ type: 'string', ...more }), '3.9'), []);
      assert.deepEqual(checkDump(dump({ type: 'string', ...more }), '3.4'), [
        `config.f.${attribute}: unknown field`,
      ]);
    }
  });

  it('looks at the first plugin only from 3.9 on', () => {
    const { Plugins: good } = dump() as { Plugins: object[] };
    const both = { Plugins: [...good, { Name: 'second' }] };
    assert.deepEqual(checkDump(both, '3.9'), []);
    assert.notDeepEqual(checkDump(both, '3.4'), []);
  });

  it('falls back to MsgPack:1 when the protocol is missing or misspelt', () => {
    assert.equal(describePlugin(dump(), 'x').protocol, 'ProtoBuf:1');
    assert.equal(describePlugin({ ...dump(), Protocol: 'Protobuf:1' }, 'x').protocol, 'MsgPack:1');
    assert.equal(describePlugin((dump() as { Plugins: object[] }).Plugins, 'x').protocol, 'MsgPack:1');
    assert.throws(() => describePlugin(dump({}), 'some file'), /^Error: some file: config\.f: missing type/);
  });
});

/** All definitions below a list of fields, with their paths. */
function definitions(fields: readonly FieldEntry[], path = ''): [path: string, definition: FieldSchema][] {
  return fields.flatMap((entry) => {
    const [name, definition] = entryOf(entry);
    const at = path === '' ? name : `${path}.${name}`;
    const inside = [
      ...(definition.fields ?? []),
      ...[definition.elements, definition.values].flatMap((nested) => nested?.fields ?? []),
    ];
    return [[at, definition] as [string, FieldSchema], ...definitions(inside, at)];
  });
}

describe('the committed dumps', () => {
  const folder = path.join(process.cwd(), 'kong');
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  for (const file of files) {
    for (const version of VERSIONS) {
      it(`${file} loads in Kong ${version}`, () => {
        const content: unknown = JSON.parse(readFileSync(path.join(folder, file), 'utf8'));
        assert.deepEqual(checkDump(content, version), []);
      });
    }

    /**
     * Kong tells the empty default of a map as `[]` and the value it fills in as `{}`. decK sent the first, was given
     * the second, and found the same eight differences after every sync; each sync started all instances anew.
     */
    it(`${file} has no default that is empty for a map or a record`, () => {
      const { schema } = loadDump(path.join(folder, file));
      const empty = definitions(schema.fields).filter(
        ([, { type, default: value }]) =>
          isObject(value) || (Array.isArray(value) && type !== 'array' && type !== 'set'),
      );
      assert.deepEqual(empty, []);
    });

    it(`${file} shows the sentence of every rule that it has one for`, () => {
      const { schema } = loadDump(path.join(folder, file));
      const checks = definitions(schema.fields).flatMap(([, { entity_checks = [] }]) => entity_checks);
      assert.ok(checks.length > 0);
      for (const check of checks) {
        const { conditional, conditional_at_least_one_of: needs } = check as Record<
          string,
          JsonTable | undefined
        >;
        // Kong returns before it looks at the sentence.
        assert.notEqual(
          (conditional?.then_match as JsonTable | undefined)?.required,
          true,
          JSON.stringify(check),
        );
        const rule = conditional ?? needs;
        if (rule === undefined) continue;
        // Lua formats it.
        assert.match(String(rule.then_err), /^[a-z][^%]{20,}$/, JSON.stringify(check));
      }
    });
  }
});

/** Configurations against schemas: what Kong fills in, and its very words for what it refuses. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { luaPattern } from '../../../dev/gateway/lua-pattern';
import {
  processConfig,
  processEntity,
  resolveReferences,
  type FieldSchema,
  type JsonTable,
  type PluginSchema,
} from '../../../dev/gateway/schema';

function schemaOf(fields: Record<string, object>, more: object = {}): PluginSchema {
  const entries = Object.entries(fields).map(([name, field]) => ({ [name]: field as FieldSchema }));
  return { name: 'p', fields: [{ config: { type: 'record', fields: entries, ...more } }] };
}

function errorsOf(fields: Record<string, object>, config: unknown, more: object = {}): readonly string[] {
  return processConfig(schemaOf(fields, more), config).errors;
}

function accepted(fields: Record<string, object>, config: unknown): JsonTable {
  const { config: processed, errors } = processConfig(schemaOf(fields), config);
  assert.deepEqual(errors, []);
  return processed;
}

describe('processConfig fills in', () => {
  it('defaults, and leaves out what is null', () => {
    const fields = {
      a: { type: 'integer', default: 5 },
      b: { type: 'string' },
      c: { type: 'boolean', default: false },
    };
    assert.deepEqual(accepted(fields, {}), { a: 5, c: false });
    assert.deepEqual(accepted(fields, undefined), { a: 5, c: false });
    assert.deepEqual(accepted(fields, { a: null, b: 'x' }), { b: 'x', c: false });
  });

  it('nested records, unless they are not required', () => {
    const inner = {
      type: 'record',
      fields: [{ x: { type: 'integer', default: 1 } }, { y: { type: 'string' } }],
    };
    assert.deepEqual(accepted({ r: inner, s: { ...inner, required: false } }, {}), { r: { x: 1 } });
    assert.deepEqual(accepted({ s: { ...inner, required: false } }, { s: {} }), { s: { x: 1 } });
  });

  /** The stand-in called `false` and `[]` wrong where a real Kong takes them for a record that is not there. */
  it('a record that is false or an empty list as one that was not given', () => {
    const inner = { type: 'record', required: true, fields: [{ x: { type: 'integer', default: 1 } }] };
    const outer = { type: 'record', required: true, fields: [{ inner }] };
    for (const absent of [false, []]) {
      assert.deepEqual(accepted({ inner }, { inner: absent }), { inner: { x: 1 } });
      assert.deepEqual(accepted({ outer }, { outer: { inner: absent } }), { outer: { inner: { x: 1 } } });
      assert.deepEqual(accepted({ outer }, absent), { outer: { inner: { x: 1 } } });
    }
    for (const wrong of [true, 'no', [1]]) {
      assert.notDeepEqual(errorsOf({ inner }, { inner: wrong }), [], JSON.stringify(wrong));
    }
    assert.deepEqual(errorsOf({ inner }, { inner: null }), ['config.inner: required field missing']);
  });

  it('records inside arrays and maps', () => {
    const record = {
      type: 'record',
      fields: [{ port: { type: 'integer', default: 9092 } }, { host: { type: 'string' } }],
    };
    assert.deepEqual(accepted({ l: { type: 'array', elements: record } }, { l: [{ host: 'a' }] }), {
      l: [{ host: 'a', port: 9092 }],
    });
    const map = { type: 'map', keys: { type: 'string' }, values: record };
    assert.deepEqual(accepted({ m: map }, { m: { k: {} } }), { m: { k: { port: 9092 } } });
  });

  it('sets without duplicates, and never changes the default of the schema', () => {
    const fields = { s: { type: 'set', elements: { type: 'string' }, default: ['a', 'a', 'b'] } };
    const first = accepted(fields, {});
    assert.deepEqual(first, { s: ['a', 'b'] });
    first.s.push('c');
    assert.deepEqual(accepted(fields, {}), { s: ['a', 'b'] });
  });

  it('vault references from the environment, noted in $refs', () => {
    const field = schemaOf({
      password: { type: 'string', referenceable: true, len_min: 30 },
      auth: { type: 'record', fields: [{ user: { type: 'string', referenceable: true } }] },
    }).fields[0]!.config!;
    const config = { password: '{vault://env/kafka-password}', auth: { user: '{vault://env/nosuch}' } };
    assert.deepEqual(
      errorsOf(
        { password: { type: 'string', referenceable: true, len_min: 300 } },
        { password: config.password },
      ),
      [],
    );
    assert.deepEqual(resolveReferences(field, config, { KAFKA_PASSWORD: 's3cret' }), {
      password: 's3cret',
      $refs: { password: config.password },
      auth: { user: '', $refs: { user: config.auth.user } },
    });
  });
});

describe('processConfig refuses', () => {
  const cases: [title: string, field: object, value: unknown, message: string | undefined][] = [
    [
      'a value outside of its range',
      { type: 'integer', between: [1, 60000] },
      0,
      'value should be between 1 and 60000',
    ],
    ['a fraction for an integer', { type: 'integer' }, 1.5, 'expected an integer'],
    ['text for an integer', { type: 'integer' }, '1', 'expected an integer'],
    ['text for a number', { type: 'number' }, '1', 'expected a number'],
    ['a number for text', { type: 'string' }, 1, 'expected a string'],
    ['text for a boolean', { type: 'boolean' }, 'true', 'expected a boolean'],
    ['text for an array', { type: 'array', elements: { type: 'string' } }, 'a', 'expected an array'],
    ['a map for a set', { type: 'set', elements: { type: 'string' } }, { a: 1 }, 'expected a set'],
    [
      'text for a map',
      { type: 'map', keys: { type: 'string' }, values: { type: 'string' } },
      'a',
      'expected a map',
    ],
    ['text for a record', { type: 'record', fields: [] }, 'a', 'expected a record'],
    ['an empty text', { type: 'string' }, '', 'length must be at least 1'],
    ['no empty text where the schema allows it', { type: 'string', len_min: 0 }, '', undefined],
    ['a text too short', { type: 'string', len_min: 3 }, 'ab', 'length must be at least 3'],
    ['a text too long in bytes', { type: 'string', len_max: 3 }, 'éé', 'length must be at most 3'],
    [
      'an array of another length',
      { type: 'array', len_eq: 2, elements: { type: 'integer' } },
      [1],
      'length must be 2',
    ],
    [
      'an array too short',
      { type: 'array', len_min: 1, elements: { type: 'integer' } },
      [],
      'length must be at least 1',
    ],
    ['what is not on the list', { type: 'string', one_of: ['a', 'b'] }, 'c', 'expected one of: a, b'],
    [
      'what is on the other list',
      { type: 'string', not_one_of: ['a', 'b'] },
      'a',
      'must not be one of: a, b',
    ],
    ['what is not greater', { type: 'number', gt: 0 }, 0, 'value must be greater than 0'],
    ['what does not match', { type: 'string', match: '^%d+$' }, '12a', 'invalid value: 12a'],
    ['what matches and should not', { type: 'string', not_match: '%s' }, 'a b', 'invalid value: a b'],
    ['a wrong beginning', { type: 'string', starts_with: '/' }, 'a', 'should start with: /'],
    ['what is no UUID', { type: 'string', uuid: true }, 'x', 'expected a valid UUID'],
    [
      'what is not contained',
      { type: 'array', contains: 'a', elements: { type: 'string' } },
      ['b'],
      'expected to contain: a',
    ],
    [
      'what fails one of several patterns, with its own text',
      {
        type: 'string',
        match_all: [
          { pattern: '^a', err: 'must begin with a' },
          { pattern: 'z$', err: 'must end with z' },
        ],
      },
      'ab',
      'must end with z',
    ],
    [
      'what has a forbidden pattern',
      { type: 'string', match_none: [{ pattern: '%c', err: 'must not have control characters' }] },
      'a\u0001',
      'must not have control characters',
    ],
    [
      'what fits no pattern',
      { type: 'string', match_any: { patterns: ['^a', '^b'], err: 'a or b' } },
      'c',
      'a or b',
    ],
    [
      'anything with an own error text',
      { type: 'integer', between: [1, 2], err: 'one or two' },
      3,
      'one or two',
    ],
    ['any value where null is the rule', { type: 'string', eq: null }, 'a', 'value must be null'],
    ['another than the one value', { type: 'string', eq: 'a' }, 'b', 'value must be a'],
    ['the one forbidden value', { type: 'string', ne: 'a' }, 'a', 'value must not be a'],
  ];
  for (const [title, field, value, message] of cases) {
    it(title, () => {
      assert.deepEqual(
        errorsOf({ f: field }, { f: value }),
        message === undefined ? [] : [`config.f: ${message}`],
      );
    });
  }

  it('an unknown option and a missing one', () => {
    assert.deepEqual(errorsOf({ topic: { type: 'string', required: true } }, { nosuch: 1 }), [
      'config.nosuch: unknown field',
      'config.topic: required field missing',
    ]);
  });

  it('elements, keys and values, naming the place', () => {
    const host = { host: { type: 'string', required: true } };
    const servers = { type: 'array', elements: { type: 'record', fields: [host] } };
    assert.deepEqual(errorsOf({ servers }, { servers: [{ host: 'a' }, {}, null] }), [
      'config.servers[2].host: required field missing',
      'config.servers[3]: required field missing',
    ]);
    const map = { type: 'map', keys: { type: 'string', match: '^%l+$' }, values: { type: 'integer' } };
    assert.deepEqual(errorsOf({ map }, { map: { UP: 1, low: 'x' } }), [
      'config.map.UP: invalid value: UP',
      'config.map.low: expected an integer',
    ]);
    const deep = {
      type: 'record',
      fields: [{ in: { type: 'record', fields: [{ x: { type: 'integer', between: [0, 9] } }] } }],
    };
    assert.deepEqual(errorsOf({ deep }, { deep: { in: { x: 10 } } }), [
      'config.deep.in.x: value should be between 0 and 9',
    ]);
  });

  it('a consumer where the schema wants none', () => {
    const schema: PluginSchema = {
      name: 'p',
      fields: [
        { consumer: { type: 'foreign', reference: 'consumers', eq: null } },
        { config: { type: 'record', fields: [] } },
      ],
    };
    assert.deepEqual(processEntity(schema, { consumer: 'jo' }).errors, ['consumer: value must be null']);
    assert.deepEqual(processEntity(schema, {}).errors, []);
  });
});

describe('entity checks', () => {
  const fields = { a: { type: 'string' }, b: { type: 'string' }, c: { type: 'boolean', default: false } };
  const cases: [title: string, check: object, bad: object, message: string[], good: object][] = [
    [
      'only_one_of',
      { only_one_of: ['a', 'b'] },
      {},
      ["config: only one of these fields must be non-empty: 'a', 'b'"],
      { a: 'x' },
    ],
    [
      'at_least_one_of',
      { at_least_one_of: ['a', 'b'] },
      {},
      ["config: at least one of these fields must be non-empty: 'a', 'b'"],
      { a: 'x', b: 'y' },
    ],
    [
      'mutually_required',
      { mutually_required: ['a', 'b'] },
      { a: 'x' },
      ["config: all or none of these fields must be set: 'a', 'b'"],
      {},
    ],
    [
      'mutually_exclusive',
      { mutually_exclusive: ['a', 'b'] },
      { a: 'x', b: 'y' },
      ["config: only one or none of these fields must be set: 'a', 'b'"],
      { b: 'y' },
    ],
    [
      'distinct',
      { distinct: ['a', 'b'] },
      { a: 'x', b: 'x' },
      ["config: values of these fields must be distinct: 'a', 'b'"],
      { a: 'x' },
    ],
    [
      'conditional',
      {
        conditional: {
          if_field: 'c',
          if_match: { eq: true },
          then_field: 'a',
          then_match: { required: true },
        },
      },
      { c: true },
      ["config: failed conditional validation given value of field 'c'", 'config.a: required field missing'],
      { c: true, a: 'x' },
    ],
    [
      'conditional with a text of its own',
      {
        conditional: {
          if_field: 'c',
          if_match: { eq: true },
          then_field: 'a',
          then_match: { one_of: ['x'] },
          then_err: "must be x because of '%s'",
        },
      },
      { c: true, a: 'y' },
      ["config: must be x because of 'c'", 'config.a: expected one of: x'],
      { c: false, a: 'y' },
    ],
    [
      'conditional_at_least_one_of',
      {
        conditional_at_least_one_of: {
          if_field: 'c',
          if_match: { eq: true },
          then_at_least_one_of: ['a', 'b'],
        },
      },
      { c: true },
      ["config: at least one of these fields must be non-empty: 'a', 'b'"],
      { c: true, b: 'y' },
    ],
    [
      'mutually_exclusive_sets',
      { mutually_exclusive_sets: { set1: ['a'], set2: ['b'] } },
      { a: 'x', b: 'y' },
      ["config: these sets are mutually exclusive: ('a'), ('b')"],
      { a: 'x' },
    ],
  ];
  for (const [title, check, bad, message, good] of cases) {
    it(`${title} refuses and accepts`, () => {
      assert.deepEqual(errorsOf(fields, bad, { entity_checks: [check] }), message);
      assert.deepEqual(errorsOf(fields, good, { entity_checks: [check] }), []);
    });
  }

  it('reach into nested records from the top of the schema', () => {
    const schema: PluginSchema = {
      ...schemaOf({ r: { type: 'record', fields: [{ x: { type: 'string' } }] }, y: { type: 'string' } }),
      entity_checks: [{ mutually_required: ['config.r.x', 'config.y'] }],
    };
    assert.deepEqual(processConfig(schema, { y: '1' }).errors, [
      "all or none of these fields must be set: 'config.r.x', 'config.y'",
    ]);
    assert.deepEqual(processConfig(schema, { y: '1', r: { x: '2' } }).errors, []);
  });
});

describe('a Lua pattern', () => {
  const cases: [pattern: string, yes: string, no: string][] = [
    ['^%a[%w_.-]*$', 'a-b.c_1', '1a'],
    ['^[^%s,]+$', 'a-b', 'a b'],
    ['%.json$', 'a.json', 'ajson'],
    ['^a.-b$', 'axxb', 'axxc'],
    ['^%x%x$', 'fF', 'fg'],
    ['^{?%d+}?$', '{12}', '{a}'],
    ['^[a-c]+$', 'abc', 'abd'],
    ['^(%a)%1$', 'aa', 'ab'],
    ['^[%]%-]$', '-', 'a'],
    ['^%S+$', 'ab', 'a b'],
    ['^$', '', 'a'],
  ];
  for (const [pattern, yes, no] of cases) {
    it(`${pattern} fits "${yes}" and not "${no}"`, () => {
      assert.ok(luaPattern(pattern).test(yes));
      assert.ok(!luaPattern(pattern).test(no));
    });
  }

  it('that JavaScript cannot express is refused with its name', () => {
    assert.throws(() => luaPattern('%b()'), /cannot evaluate %b in the Lua pattern %b\(\)/);
    assert.throws(() => luaPattern('()a'), /cannot evaluate \(\)/);
    assert.throws(() => luaPattern('[a'), /missing '\]'/);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Mismatch, Undecodable, UnusableSchema } from '../../../../bridge/schema-registry/codecs/codec';
import { jsonSchemaCodec } from '../../../../bridge/schema-registry/codecs/json-schema';
import type { SchemaReference } from '../../../../bridge/schema-registry/registered-schema';

const codec = (schema: unknown, references: SchemaReference[] = []) =>
  jsonSchemaCodec({ text: JSON.stringify(schema), references });
const parsed = (text: string) => ({ text, value: JSON.parse(text) as unknown });

async function mismatch(schema: unknown, json: string, references?: SchemaReference[]): Promise<string> {
  try {
    (await codec(schema, references)).encode(parsed(json));
  } catch (error) {
    assert.ok(error instanceof Mismatch, String(error));
    assert.ok(!error.message.includes('secret'));
    return `${error.pointer}: expected ${error.expected}, found ${error.found}`;
  }
  return 'fits';
}

const ORDER = {
  type: 'object',
  required: ['id'],
  additionalProperties: false,
  properties: {
    id: { type: 'integer', minimum: 1 },
    mail: { type: 'string', format: 'email' },
    state: { enum: ['open', 'sent'] },
    code: { type: 'string', pattern: '^[A-Z]+$', maxLength: 5 },
    lines: { type: 'array', items: { type: 'object', properties: { count: { type: 'integer' } } } },
  },
};

describe('JSON Schema', () => {
  it('leaves a value as it was sent, to the byte', async () => {
    const json = '{ "id" : 12345678901234567890,\n "mail":"a@b.example" }';
    assert.deepEqual((await codec(ORDER)).encode(parsed(json)), Buffer.from(json));
    assert.equal((await codec(ORDER)).decode(Buffer.from(json)), json);
  });

  const cases: [string, string, string][] = [
    ['another type', '{"id":"secret"}', '/id: expected integer, found a string'],
    ['a missing property', '{}', '/id: expected a value, found nothing'],
    ['a strange property', '{"id":1,"a/b":"secret"}', '/a~1b: expected no such property, found a string'],
    ['too small a number', '{"id":0}', '/id: expected >= 1, found an integer'],
    ['a format', '{"id":1,"mail":"secret"}', '/mail: expected it to match format "email", found a string'],
    [
      'an enum',
      '{"id":1,"state":"secret"}',
      '/state: expected one of the values of its enum, found another string',
    ],
    [
      'a pattern',
      '{"id":1,"code":"secre"}',
      '/code: expected it to match pattern "^[A-Z]+$", found a string',
    ],
    ['a length', '{"id":1,"code":"TOOLONG"}', '/code: expected it not to have more than 5 characters, found a string'], // prettier-ignore
    [
      'deep inside',
      '{"id":1,"lines":[{},{"count":1.5}]}',
      '/lines/1/count: expected integer, found a number',
    ],
  ];
  for (const [what, json, expected] of cases) {
    it(`says where and why: ${what}`, async () => assert.equal(await mismatch(ORDER, json), expected));
  }

  it('knows its drafts, each with the words that only it has', async () => {
    const draft4 = { $schema: 'http://json-schema.org/draft-04/schema#', type: 'number', minimum: 1, exclusiveMinimum: true }; // prettier-ignore
    assert.match(await mismatch(draft4, '1'), /expected > 1/);
    const draft6 = { $schema: 'http://json-schema.org/draft-06/schema#', exclusiveMinimum: 1 };
    assert.match(await mismatch(draft6, '1'), /expected > 1/);
    const draft7 = { $schema: 'http://json-schema.org/draft-07/schema#', if: { const: 1 }, then: false };
    assert.notEqual(await mismatch(draft7, '1'), 'fits');
    assert.notEqual(await mismatch({ if: { const: 1 }, then: false }, '1'), 'fits');
    const draft2019 = { $schema: 'https://json-schema.org/draft/2019-09/schema', properties: { a: true }, unevaluatedProperties: false }; // prettier-ignore
    assert.equal(await mismatch(draft2019, '{"b":1}'), '/b: expected no such property, found an integer');
    const draft2020 = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      prefixItems: [{ type: 'string' }],
    };
    assert.equal(await mismatch(draft2020, '[1]'), '/0: expected string, found an integer');
  });

  it('finds references by their names, beside a schema that has an address', async () => {
    const money = { name: 'money.json', schema: { text: '{"type":"integer"}', references: [] } };
    for (const id of [{}, { $id: 'http://shop.example/order.json' }]) {
      const schema = { ...id, properties: { price: { $ref: 'money.json' } } };
      assert.equal(
        await mismatch(schema, '{"price":"a"}', [money]),
        '/price: expected integer, found a string',
      );
    }
    const absolute = { name: 'http://shop.example/money.json', schema: money.schema };
    assert.match(await mismatch({ $ref: absolute.name }, '"a"', [absolute]), /expected integer/);
  });

  it('asks nobody for a schema that is not among its references', async () => {
    await assert.rejects(
      () => codec({ $ref: 'http://127.0.0.1:1/money.json' }),
      new UnusableSchema('it refers to a schema that is not among its references'),
    );
  });

  it('passes over words of other tools', async () => {
    assert.equal(await mismatch({ type: 'integer', 'confluent:tags': ['PII'], javaType: 'x' }, '1'), 'fits');
  });

  it('may refer to itself', async () => {
    const tree = { type: 'object', properties: { left: { $ref: '#' }, right: { $ref: '#' } }, additionalProperties: false }; // prettier-ignore
    assert.equal(await mismatch(tree, '{"left":{"right":{"x":1}}}'), '/left/right/x: expected no such property, found an integer'); // prettier-ignore
  });

  describe('in bounded time', () => {
    const quickly = async (run: () => Promise<void>) => {
      const before = performance.now();
      await run();
      assert.ok(performance.now() - before < 2000);
    };

    it('looks for a pattern that backtracks', async () => {
      await quickly(async () =>
        assert.notEqual(await mismatch({ pattern: '^(a+)+$' }, `"${'a'.repeat(50)}!"`), 'fits'),
      );
      await quickly(async () =>
        assert.notEqual(await mismatch({ pattern: '^(a|a|b)*$' }, `"${'a'.repeat(5000)}!"`), 'fits'),
      );
    });

    it('refuses a pattern that it could not', async () => {
      await assert.rejects(codec({ pattern: '^(?=a)(a+)+$' }), /may never end/);
      for (const pattern of ['^(a|a)*\\1$', '^(a{1,20})+$', '^(a+){10,}$', '^(\\p{L}+)+$'])
        await assert.rejects(codec({ pattern }), /may never end/, pattern);
      assert.equal(await mismatch({ pattern: '^\\p{L}{1,20}$' }, '"Büchner"'), 'fits');
      assert.equal(await mismatch({ pattern: '^(?=.*[A-Z])(?=.*[0-9]).{8,}$' }, '"Password1"'), 'fits');
    });

    it('tells whether items are unique', async () => {
      const many = `[${'{"a":1},'.repeat(100_000)}{"a":2}]`;
      await quickly(async () => assert.match(await mismatch({ uniqueItems: true }, many), /expected/));
      assert.equal(await mismatch({ uniqueItems: true }, '[1,"1",{"a":1,"b":2},{"b":1,"a":2}]'), 'fits');
      assert.notEqual(await mismatch({ uniqueItems: true }, '[{"a":1,"b":2},{"b":2,"a":1}]'), 'fits');
      assert.equal(await mismatch({ uniqueItems: false }, '[1,1]'), 'fits');
    });
  });

  /** Each level was looked at with both alternatives: 200 characters took two minutes. */
  describe('with alternatives that lead to themselves', () => {
    const trees = [
      ['http://json-schema.org/draft-04/schema#', '$ref'],
      ['http://json-schema.org/draft-07/schema#', '$ref'],
      ['https://json-schema.org/draft/2019-09/schema', '$recursiveRef'],
      ['https://json-schema.org/draft/2020-12/schema', '$dynamicRef'],
    ].map(([$schema, reference = '']) => {
      const node = (name: string) => ({ type: 'object', required: ['default'], properties: { default: { [reference]: '#' }, [name]: {} } }); // prettier-ignore
      return { $schema, anyOf: [{ type: 'integer' }, node('a'), node('b')] };
    });
    const nested = (leaf: string, depth: number) => '{"default":'.repeat(depth) + leaf + '}'.repeat(depth);

    for (const schema of trees) {
      it(`is told soon: ${schema.$schema}`, async () => {
        const startedAtMs = performance.now();
        assert.match(await mismatch(schema, nested('"secret"', 25)), /told apart sooner, found an object$/);
        assert.ok(performance.now() - startedAtMs < 2000);
        assert.equal(await mismatch(schema, nested('1', 8)), 'fits');
      });
    }

    it('follows the references of many small items', async () => {
      const schema = { type: 'array', items: { $ref: '#/definitions/a' }, definitions: { a: { $ref: '#/definitions/b' }, b: { type: 'integer' } } }; // prettier-ignore
      assert.equal(await mismatch(schema, JSON.stringify(new Array(100_000).fill(1))), 'fits');
    });
  });

  it('is read only where it is JSON that fits', async () => {
    const ours = await codec(ORDER);
    const refuses = (bytes: Buffer, pattern: RegExp) => assert.throws(() => ours.decode(bytes), (error) => error instanceof Undecodable && pattern.test(error.message)); // prettier-ignore
    refuses(Buffer.from('{'), /not JSON/);
    refuses(Buffer.from([0x22, 0xff, 0x22]), /not UTF-8/);
    refuses(Buffer.from('['.repeat(65) + ']'.repeat(65)), /nested deeper/);
    refuses(Buffer.from('{"id":"secret"}'), /at "\/id" expected integer, found a string/);
  });

  it('is refused at once when its schema cannot be used', async () => {
    for (const schema of [
      7,
      [],
      { type: 'nonsense' },
      { pattern: '(' },
      { description: 'x'.repeat(300_000) },
    ]) {
      await assert.rejects(codec(schema), UnusableSchema, JSON.stringify(schema).slice(0, 50));
    }
    await assert.rejects(jsonSchemaCodec({ text: '{', references: [] }), UnusableSchema);
  });
});

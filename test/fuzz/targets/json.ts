/** JSON from clients, which is spliced into other JSON, and members cut out of JSON from responders. */
import assert from 'node:assert/strict';
import { withoutMark } from '../../../bridge/byte-order-mark';
import { GatewayError } from '../../../bridge/errors';
import { isDeeperThan, MAX_JSON_DEPTH, memberBytes } from '../../../bridge/json-depth';
import { bodyWithCorrelationId } from '../../../bridge/request/body-with-correlation-id';
import { jsonBody } from '../../../bridge/request/json-body';
import { jsonFault } from '../../../bridge/request/json-fault';
import { atPointer, parseJsonPointer } from '../../../bridge/request/json-pointer';
import { unlessRefused, type FuzzTarget } from '../target';

const isRefusal = (error: unknown): boolean =>
  error instanceof GatewayError && ['request_invalid', 'unsupported_media_type'].includes(error.code);

/** Counted no further than one above the limit. */
function depthOf(value: unknown, limit = MAX_JSON_DEPTH + 1): number {
  if (typeof value !== 'object' || value === null || limit === 0) return 0;
  return 1 + Math.max(0, ...Object.values(value).map((member) => depthOf(member, limit - 1)));
}

function checkMembers(input: Buffer, object: object): void {
  for (const [name, member] of Object.entries(object)) {
    const bytes = memberBytes(input, name);
    assert.ok(bytes !== undefined, `no bytes of ${JSON.stringify(name)}`);
    assert.deepStrictEqual(JSON.parse(bytes.toString('utf8')), member, 'a member that was cut out');
  }
}

export const JSON_BODIES: FuzzTarget = {
  name: 'json',
  samples: [
    '{"a":1,"b":{"c":[1,2,{"d":"e"}]},"\\u0061\\"":"\\\\\\"","n":123456789012345678901234567890}',
    ' { "x" : [ ] , "x" : {} , "" : null , "__proto__" : { "y" : 1e-7 } } ',
    '[1,[2,[3,[4,["]}"]]]]]',
    '"text"',
    '{"é":"\u20ac","\\ud83d\\ude00":"😀"}',
    `${'['.repeat(64)}${']'.repeat(64)}`,
    '\ufeff{"a":[-0.5e+7,1E5,true,false,null,"\\b\\uD83D"]}',
    `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`,
  ].map((text) => Buffer.from(text)),
  tokens: [
    '{',
    '}',
    '[',
    ']',
    '"',
    '\\',
    ':',
    ',',
    '\\"',
    '"a":',
    '"correlation_id":',
    '\\u0000',
    '{"a":[',
    '[[',
  ],
  run: (input) => {
    const request = { id: 'r', method: 'POST', headers: {}, body: input };
    const json = unlessRefused(() => jsonBody(request), isRefusal);
    const sent = withoutMark(input);
    // They must agree on what JSON is: one decides, the other tells the client where it is none.
    const isTooDeep = isDeeperThan(sent, MAX_JSON_DEPTH);
    assert.equal(json !== undefined, !isTooDeep && jsonFault(sent) === undefined, 'a fault that is none');
    if (json === undefined) return;
    const { bytes, text, value } = json;
    assert.ok(bytes.equals(sent) && Buffer.from(text).equals(sent), 'JSON passes as it was sent');
    assert.ok(depthOf(value) <= MAX_JSON_DEPTH, 'depth');
    atPointer(value, parseJsonPointer('/b/c/2/d') ?? []);
    const marked = unlessRefused(() => bodyWithCorrelationId(request, 'correlation_id', 'i"d'), isRefusal);
    if (marked === undefined) return;
    const object = value as Record<string, unknown>;
    checkMembers(sent, object);
    assert.deepStrictEqual(
      new Map(Object.entries(JSON.parse(marked.toString('utf8')) as object)),
      new Map(Object.entries(object)).set('correlation_id', 'i"d'),
    );
  },
};

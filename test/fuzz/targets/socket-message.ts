/** Messages of a WebSocket from clients, and the answers in which bodies from responders stand. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { isDeeperThan, MAX_JSON_DEPTH } from '../../../bridge/json-depth';
import { endMessage, readMessage, replyMessage } from '../../../bridge/streams/socket-message';
import type { FuzzTarget } from '../target';

const MEMBERS = ['ref', 'key', 'body'];

export const SOCKET_MESSAGE: FuzzTarget = {
  name: 'socket-message',
  samples: [
    '{"ref":"a","body":{"n":12345678901234567890,"ref":"b"}}',
    '{"key":"k","body": [1, 2] ,"ref":"b"}',
    ' { "ref" : "c" , "body" : null }',
    '{"b\\u006fdy":1,"ref":"\\ud800","body":"last"}',
    '{"__proto__":{},"ref":"a","body":1}',
    '[1,{"body":2}]',
    'text',
  ].map((text) => Buffer.from(text)),
  tokens: ['"ref":', '"key":', '"body":', '"__proto__":', '{', '}', '[', ']', '"', '\\', ',', '\\u0062', '\\ud800'], // prettier-ignore
  run: (input) => {
    const binary = readMessage(input, true);
    assert.ok(binary.reference === undefined && binary.key === undefined && binary.body === input);
    checkAnswer(input);
    // npm ws has looked at the text of a frame.
    if (!isUtf8(input)) return;
    const { reference, key, body } = readMessage(input, false);
    if (reference === undefined) {
      assert.ok(key === undefined && body === input, 'what is no envelope is the body as it is');
      return;
    }
    const given = JSON.parse(input.toString()) as Record<string, unknown>;
    assert.ok(Object.keys(given).every((name) => MEMBERS.includes(name)));
    assert.ok(!isDeeperThan(body, MAX_JSON_DEPTH));
    assert.deepStrictEqual([reference, key], [given.ref, given.key]);
    assert.deepStrictEqual(JSON.parse(body.toString()), given.body, 'the body is what was sent as it');
    checkReference(endMessage(reference), reference);
    checkReference(replyMessage(reference, { status: 200, headers: {}, body }), reference);
  },
};

function checkReference(text: string, reference: string): void {
  assert.equal((JSON.parse(text) as { ref: string }).ref, reference);
}

/** Whatever a body is, it says nothing beside itself. */
function checkAnswer(body: Buffer): void {
  const text = replyMessage('"r', { status: 200, headers: { 'x-a': 'b' }, body }, true);
  const answer = JSON.parse(text) as Record<string, unknown>;
  const content = 'body' in answer ? 'body' : 'body_base64';
  assert.deepEqual(Object.keys(answer), ['ref', 'status', 'replayed', 'headers', content]);
  assert.deepEqual([answer.ref, answer.status, answer.replayed], ['"r', 200, true]);
  if (content === 'body_base64') assert.equal(answer.body_base64, body.toString('base64'));
}

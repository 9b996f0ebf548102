import assert from 'node:assert/strict';
import { it } from 'node:test';
import { errorAnswer, GatewayError } from '../../bridge/errors';
import { Refusal } from '../../pluginserver/refusal';
import { exitOf, framesIn } from './support/fake-kong';

// The prepared answer is written into for each event; one that kept the id of the event before would tell a client
// of another's request.
it('a refusal is the answer of its error with the request id of each event', () => {
  const error = new GatewayError('draining', 'ending');
  const refusal = new Refusal(error);
  const ids = ['a'.repeat(32), '0'.repeat(32), undefined, 'of "another" form', 'f'.repeat(32)];
  const frames = ids.map((id) => refusal.frames(id));
  ids.forEach((requestId, index) => {
    const [method, args] = framesIn(frames[index] as Buffer);
    assert.equal(String(method), 'kong.response.exit');
    const { status, body, headers } = exitOf(args as Buffer);
    const expected = errorAnswer(error, { requestId });
    assert.deepEqual({ status, headers, body: String(body) }, { ...expected, body: String(expected.body) });
  });
});

/** The reads of the producer over Kong's protocol: the round trips are what a request costs. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { RequestReader } from '../../bridge/request/http-request';
import { encode } from './support/kong-schema';
import { framesIn } from './support/fake-kong';
import { serve } from './support/serving';

it('everything a record can need is read in one round trip', async (t) => {
  const reader = new RequestReader(
    {
      method: true,
      body: true,
      query: true,
      uri: true,
      scheme: true,
      captures: true,
      consumer: true,
      route: true,
    },
    { maxBodyBytes: 100, boundedRead: true },
  );
  const { connect } = await serve(t, {
    planned: {
      reads: reader.reads,
      run: (event, answers) => {
        const request = reader.request(event.requestId ?? '', answers);
        event.exit(200, Buffer.from(JSON.stringify({ ...request, body: request.body.toString() })), {});
      },
    },
  });
  const kong = await connect();
  const id = await kong.startInstance('demo');
  const before = kong.chunks.length;
  kong.handleEvent(id);
  await kong.answerRequestId('abc');
  const asked = framesIn(kong.chunks[before]!).filter((_, index) => index % 2 === 0);
  assert.equal(asked.length, 10);
  for (const method of asked.slice(1)) await kong.expectCall(method.toString());

  kong.answerStruct({ host: 'shop' });
  kong.answerText('PUT');
  kong.answerBody({ content: Buffer.from('body') });
  kong.answerText('a=1');
  kong.answerText('/orders/7?a=1');
  kong.answerText('https');
  kong.sendFrame(encode('Captures', { unnamed: ['7'], named: [{ key: 'id', value: '7' }] }));
  kong.sendFrame(encode('Consumer', { id: 'c1', username: 'jo' }));
  kong.sendFrame(encode('Route', { id: 'r1', name: 'orders' }));
  const exit = await kong.readExit();
  assert.equal(kong.chunks.length, before + 2, 'one write for the reads, one for the exit');
  assert.deepEqual(JSON.parse(exit.body.toString()), {
    id: 'abc',
    method: 'PUT',
    headers: { host: 'shop' },
    body: 'body',
    rawQuery: 'a=1',
    uri: '/orders/7?a=1',
    scheme: 'https',
    captures: { id: '7' },
    consumer: { id: 'c1', username: 'jo' },
    route: 'orders',
  });
});

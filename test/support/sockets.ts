/** A route with WebSockets on a cluster in memory, opened through a listener of its own. The clock is the test's. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { STREAM_TICKET_HEADER } from '../../bridge/streams/tickets';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { RequestReplyHandler } from '../../plugins/custom_kafka_request_reply/handler';
import { FakeKong } from './fake-kong';
import { listeningStreams } from './listening-streams';
import { replyTo, SERVERS } from './route';

const UPGRADE = { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-key': 'k' };

export async function sockets(t: TestContext, stream: object = {}, config: object = {}) {
  const { clock, kafka, requestReply, listener } = await listeningStreams();
  const handler = new RequestReplyHandler(
    parseRequestReplyConfig({
      bootstrap_servers: SERVERS,
      topic: 'orders',
      reply_topic: 'replies',
      reply: { mode: 'stream', timeout: 1000, stream },
      ...config,
    }),
    requestReply,
  );
  const opened: WebSocket[] = [];
  t.after(async () => {
    for (const client of opened) client.terminate();
    await requestReply.close();
    await listener.serve(false);
  });
  let offset = 0;
  const access = async (headers: Record<string, string> = {}, consumer?: { id: string }) => {
    const kong = new FakeKong({
      method: 'GET',
      headers: { ...UPGRADE, ...headers },
      ...(consumer && { consumer }),
    });
    await handler.access(kong);
    return kong;
  };
  const open = async (
    headers?: Record<string, string>,
    consumer?: { id: string },
    between: () => void = () => undefined,
  ) => {
    const kong = await access(headers, consumer);
    between();
    assert.equal(kong.exits.length, 0);
    assert.equal(kong.upstream.get('method'), undefined, 'it stays an upgrade');
    const client = new WebSocket(`ws://${kong.upstream.get('target')}${kong.upstream.get('path')}`, {
      headers: { [STREAM_TICKET_HEADER]: kong.upstreamHeaders.get(STREAM_TICKET_HEADER)! },
    });
    opened.push(client);
    const said: Record<string, unknown>[] = [];
    client.on('message', (data: Buffer) => said.push(JSON.parse(data.toString()) as Record<string, unknown>));
    const closed = once(client, 'close').then(([code, reason]) => [code, String(reason)] as [number, string]);
    await once(client, 'open');
    return { client, said, closed };
  };
  const until = async (isTrue: () => boolean) => {
    for (let turns = 0; !isTrue(); turns++) {
      assert.ok(turns < 2000, 'it never became true');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const reply = (index: number, value: string, headers: Record<string, string> = {}) =>
    kafka.arrive({ ...replyTo(kafka, index, value, headers), offset: offset++ });
  return { clock, kafka, requestReply, handler, access, open, until, reply };
}

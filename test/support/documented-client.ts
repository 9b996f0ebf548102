/** The WebSocket client that docs/streams.md shows, as it stands there, and what it was told over all its connections. */
import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { Page } from '../docs/support/pages';

export interface SaidReply {
  readonly ref: string;
  readonly status: number;
  readonly replayed?: true;
  readonly body: unknown;
}

export interface DocumentedClient {
  send(body: unknown, key?: string): Promise<SaidReply>;
}

export async function documentedClient(url: string) {
  const said: SaidReply[] = [];
  const closes: number[] = [];
  const connections: WebSocket[] = [];
  class Watched extends WebSocket {
    constructor(address: string) {
      super(address);
      connections.push(this);
      this.on('message', (data: Buffer) => said.push(JSON.parse(data.toString()) as SaidReply));
      this.on('close', (code) => closes.push(code));
    }
  }
  Object.assign(globalThis, { WebSocket: Watched });
  const source = new Page('docs/streams.md').blocks.find(({ language }) => language === 'js')?.text;
  assert.ok(source, 'docs/streams.md has a client');
  const { Requests } = (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as {
    Requests: new (url: string) => DocumentedClient;
  };
  const end = () => connections.forEach((connection) => connection.terminate());
  return { client: new Requests(url), said, closes, connections, end };
}

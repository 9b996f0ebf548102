/** The driver in C, against a plugin server in this process and against servers that do not keep to the recording. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { recordExchange } from '../../../bench/workers/recording';
import { compileReplay, replay, type Replayed } from '../../../bench/workers/replay';
import { serve, temporaryFolder, type Kong } from '../../pluginserver/support/serving';

const RECORDED = '0123456789abcdef'.repeat(2);
const hex = (text: string): string => Buffer.from(text).toString('hex');
/** Kong says the nonce; the server asks for it once more, and answers with it. */
const RECORDING = [RECORDED, hex(`again? ${RECORDED}!`), `0 ${hex(RECORDED)}`, `7 ${hex(RECORDED)}`].join(
  '\n',
);

describe('the driver that replays', () => {
  let folder = '';
  let program = '';
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'replay-'));
    program = await compileReplay(folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const driven = (socket: string, recording: string): Promise<Replayed> =>
    replay(program, `${recording}\n`, { socket, inFlight: 4, durationMs: 200 });

  it('has a request of its own answered each time, as the recorded one was', async (t) => {
    const ids = new Set<string>();
    const access = async (kong: Kong): Promise<void> => {
      const [id, body] = [await kong.nginx.getVar('request_id'), await kong.request.getRawBody()];
      assert.ok(body.includes(id ?? 'none'));
      ids.add(id ?? 'none');
      void kong.response.exit(200, body);
    };
    const { path } = await serve(t, { access });
    const recording = await recordExchange(
      { plugin: 'demo', socket: path, config: {} },
      join(folder, 'r.sock'),
    );
    const recordedIds = ids.size;
    const { ended, lost, crossed, p50Ms, p99Ms, perSecond, driverMicros } = await driven(path, recording);
    assert.deepEqual({ lost, crossed, ended }, { lost: 0, crossed: 0, ended: ids.size - recordedIds });
    assert.ok(ended > 4 && perSecond > 0 && p50Ms <= p99Ms && driverMicros > 0);
  });

  async function served(
    t: TestContext,
    onNonce: (socket: Socket, nonces: string) => void,
  ): Promise<Replayed> {
    const socketPath = join(temporaryFolder(t), 's.sock');
    const server = createServer((socket) => {
      let heard = '';
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => onNonce(socket, (heard += chunk.toString('latin1'))));
    }).listen(socketPath);
    t.after(() => server.close());
    await once(server, 'listening');
    return driven(socketPath, RECORDING);
  }

  it('writes what Kong wrote only when the server has said what came before', async (t) => {
    const { ended, lost, crossed } = await served(t, (socket, heard) => {
      if (heard.length === 32) socket.write('again? ');
      else socket.write(`${heard.slice(32)}!`);
    });
    assert.ok(ended > 4);
    assert.deepEqual([lost, crossed], [0, 0]);
  });

  it('counts an answer with the nonce of somebody else as crossed', async (t) => {
    const { ended, lost, crossed, perSecond } = await served(t, (socket, heard) => {
      socket.write(heard.length === 32 ? 'again? ' : `${RECORDED}!`);
    });
    assert.ok(ended > 4);
    assert.deepEqual([lost, crossed, perSecond], [0, ended, 0]);
  });

  it('counts an answer that is longer than the recorded one as crossed', async (t) => {
    const { ended, crossed } = await served(t, (socket, heard) => {
      socket.write(heard.length === 32 ? 'again? ' : `${heard.slice(32)}!!`);
    });
    assert.equal(crossed, ended);
  });

  it('counts a connection that ends early as lost', async (t) => {
    const { ended, lost, crossed } = await served(t, (socket, heard) => {
      if (heard.length === 32) socket.write('again? ');
      else socket.end(heard.slice(32));
    });
    assert.ok(ended > 4);
    assert.deepEqual([lost, crossed], [ended, 0]);
  });
});

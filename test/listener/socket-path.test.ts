import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { SocketPath } from '../../listener/socket-path';
import { temporaryFolder } from '../pluginserver/support/serving';

/** The folder had been given to another user meanwhile, and the process that was told to end never did. */
test('a name that cannot be removed keeps nobody from ending', async (t) => {
  const socket = new SocketPath(join(temporaryFolder(t), 'p.sock'));
  const server = createServer().listen(socket.prepare());
  t.after(() => server.close());
  await once(server, 'listening');
  socket.claim();
  t.mock.method(fs, 'unlinkSync', () => {
    throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  });
  socket.release();
  assert.equal(socket.holder, 'not taken');
});

/** It took the other's socket for its own: it never gave way, and removed the name of the other at its end. */
test("a name that another process takes at the same moment is known to be that one's", async (t) => {
  const path = join(temporaryFolder(t), 'p.sock');
  const [socket, other] = [new SocketPath(path), new SocketPath(path)];
  for (const one of [socket, other]) {
    const server = createServer().listen(one.prepare());
    t.after(() => server.close());
    await once(server, 'listening');
  }
  const { renameSync } = fs;
  let renames = 0;
  t.mock.method(fs, 'renameSync', (from: string, to: string) => {
    renameSync(from, to);
    if (renames++ === 0) other.claim();
  });
  socket.claim();
  assert.deepEqual([socket.holder, other.holder], ['other', 'own']);
  socket.release();
  assert.equal(other.holder, 'own', 'it is still there');
});

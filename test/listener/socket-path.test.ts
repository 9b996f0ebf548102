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

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { freePorts, isFree } from '../../../dev/kafka/ports';

test('free ports are different and below the range of outgoing connections', async () => {
  const ports = await freePorts(6);
  assert.equal(new Set(ports).size, 6);
  for (const port of ports) assert.ok(port >= 20_000 && port < 32_768, String(port));
});

test('a port somebody listens on is not free', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  assert.equal(await isFree(port), false);
  server.close();
  await once(server, 'close');
  assert.equal(await isFree(port), true);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAlive } from '../../../dev/is-alive';
import { ManagedServer } from '../../../dev/gateway/managed-server';
import { eventually } from '../../support/gateway-client';

const SAYS_ITS_ID = `sh -c 'echo id $$; exec sleep 600'`;

test('a plugin server that ends is started again, at most once a second, until the gateway closes', async () => {
  const beganMs = performance.now();
  const log: string[] = [];
  const server = new ManagedServer(SAYS_ITS_ID, (message) => log.push(message));
  const ids = () => [...log.join('').matchAll(/id (\d+)/g)].map(([, id]) => Number(id));
  await eventually(() => ids().length === 1);
  process.kill(ids()[0]!, 'SIGKILL');
  await eventually(() => ids().length === 2);
  assert.ok(performance.now() - beganMs >= 1000, 'it was started again too early');
  assert.ok(log.includes('the plugin server ended: SIGKILL'));
  await server.close();
  assert.deepEqual(ids().map(isAlive), [false, false]);
});

test('one that cannot be started does no harm', async () => {
  const log: string[] = [];
  const server = new ManagedServer('/no/such/program', (message) => log.push(message));
  await eventually(() => log.includes('the plugin server ended: 127'));
  await server.close();
});

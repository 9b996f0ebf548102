/** `kong reload` in managed mode: the new server starts while the old one serves, which is ended some seconds later. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startGateway } from '../../dev/gateway/gateway';
import { freePorts } from '../../dev/kafka/ports';
import { ask } from '../support/stack';
import { pair } from './support/pair';
import { eventually } from './support/serving';

const CLIENTS = 10;
const RELOADS = 2;
/** Of a real Kong's 8 s, what a server needs to start and take over on a busy machine. */
const LEAVE_MS = 2500;

describe('a reload of Kong in managed mode', () => {
  // Both had the same status port, so the new server ended before it had the sockets, again and again, until Kong killed
  // the old one: seven seconds of 500 in which nobody listened. Three reloads cost 446 of 9001 requests.
  it('loses no request, with a status port that goes over from server to server', async (t) => {
    const { command, gateway: options } = pair(t);
    const [port] = await freePorts(1);
    const log: string[] = [];
    const gateway = await startGateway({
      ...options,
      startCommands: [command('--managed', '--status-port', String(port))],
      reloadLeaveMs: LEAVE_MS,
      onLog: ({ message }) => log.push(message),
    });
    t.after(() => gateway.close());
    const ready = async (): Promise<boolean> => {
      try {
        return (await fetch(`http://127.0.0.1:${port}/ready`)).status === 200;
      } catch {
        return false;
      }
    };
    const pidOf = async (): Promise<unknown> =>
      ((await (await fetch(`http://127.0.0.1:${port}/status`)).json()) as { pid: number }).pid;
    while (!(await ready())) await new Promise((resolve) => setTimeout(resolve, 20));

    let running = true;
    let answered = 0;
    const failures: string[] = [];
    const client = async (): Promise<void> => {
      while (running) {
        const { status, body } = await ask(gateway.url);
        if (status === 200) answered++;
        else failures.push(`${status} ${String(body)}`);
      }
    };
    const clients = Array.from({ length: CLIENTS }, client);
    const pids = new Set([await pidOf()]);
    for (let reload = 0; reload < RELOADS; reload++) {
      await gateway.restartWorkers();
      assert.ok(await ready(), 'the new server has the status port, and is ready');
      pids.add(await pidOf());
    }
    running = false;
    await Promise.all(clients);
    assert.deepEqual(failures, [], log.join('\n'));
    assert.equal(pids.size, RELOADS + 1, 'each reload has brought another server');
    assert.ok(answered > 100, `${answered} were answered`);
    t.diagnostic(`${answered} requests were answered`);
    await gateway.close();
    await eventually(() => log.at(-1)?.startsWith('the plugin server ended') ?? false, 'a server is left');
  });
});

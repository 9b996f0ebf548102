/** A whole connection from Kong, over a socket: events, answers, calls, cut anywhere and left early. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setLogSink } from '../../../bridge/telemetry/log';
import { toPlugin } from '../../../pluginserver/plugin-loader';
import { PluginServer } from '../../../pluginserver/server';
import { eventually } from '../../pluginserver/support/serving';
import * as eventPlugin from '../event-plugin';
import { assertServes, EVENT_SAMPLES, startInstance, talkEvents } from '../events';
import { assertWholeFrames } from '../talk';
import type { FuzzTarget } from '../target';

const LIMIT_BYTES = 2000;

let server: PluginServer | undefined;
let folder = '';
const socketPath = (): string => join(folder, 's.sock');
let instanceId = 0;
let restoreLog: (() => void) | undefined;

async function start(): Promise<void> {
  restoreLog = setLogSink(() => undefined);
  folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  const plugin = toPlugin(eventPlugin, folder);
  server = new PluginServer({ plugin, socketPath: socketPath(), maxFrameBytes: LIMIT_BYTES });
  await server.listen();
  instanceId = await startInstance(socketPath());
}

async function end(): Promise<void> {
  server?.close();
  await eventually(() => server?.status().connections === 0, 'connections are left');
  rmSync(folder, { recursive: true, force: true });
  restoreLog?.();
}

let cases = 0;

export const EVENT: FuzzTarget = {
  name: 'event',
  samples: EVENT_SAMPLES,
  shortCases: 100,
  start,
  end,
  run: async (input) => {
    assertWholeFrames(await talkEvents(socketPath(), input, instanceId));
    const now = server!;
    await eventually(() => now.openEventCount === 0, 'an event is left open');
    await eventually(() => now.status().connections === 0, 'a connection is left');
    if (++cases % 50 !== 0) return;
    // A call may have closed the other one.
    instanceId = await startInstance(socketPath());
    await assertServes(socketPath(), instanceId);
  },
};

/**
 * Messages on the sockets around a take-over: to the process that was replaced, which begins nothing any more, and to the
 * one that serves, which nobody can talk out of it.
 */
import assert from 'node:assert/strict';
import { linkSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setLogSink } from '../../../bridge/telemetry/log';
import { encodeHandOver } from '../../../pluginserver/messages';
import { toPlugin } from '../../../pluginserver/plugin-loader';
import { PluginServer } from '../../../pluginserver/server';
import { takeOver } from '../../../pluginserver/take-over';
import { frame } from '../../pluginserver/support/fake-kong';
import { encode } from '../../pluginserver/support/kong-schema';
import { eventually, type Kong } from '../../pluginserver/support/serving';
import { assertWholeFrames, CUTS, inPieces, talk } from '../talk';
import type { FuzzTarget } from '../target';

const LIMIT_BYTES = 2000;
const HEAD_BYTES = CUTS + 1;
const TO_REPLACED = 0;
const TO_SERVING = 1;

class Plugin {
  async access(kong: Kong): Promise<void> {
    void kong.response.exit(200, await kong.request.getPath());
  }
}

let folder = '';
let replaced: PluginServer | undefined;
let serving: PluginServer | undefined;
let restoreLog: (() => void) | undefined;
const path = (): string => join(folder, 's.sock');
/** Where the replaced process is still reached, as on a connection that Kong had pooled. */
const oldPath = (): string => join(folder, 'old.sock');

function newServer(): PluginServer {
  const plugin = toPlugin({ Plugin, Name: 'demo', Version: '1.0.0', Priority: 1 }, folder);
  return new PluginServer({ plugin, socketPath: path(), maxFrameBytes: LIMIT_BYTES });
}

async function start(): Promise<void> {
  restoreLog = setLogSink(() => undefined);
  folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  replaced = newServer();
  await replaced.listen();
  linkSync(path(), oldPath());
  serving = newServer();
  await takeOver([serving]);
}

async function end(): Promise<void> {
  for (const server of [replaced, serving]) {
    server?.close();
    await eventually(() => server?.status().connections === 0, 'connections are left');
  }
  rmSync(folder, { recursive: true, force: true });
  restoreLog?.();
}

const rpc = (call: object): Buffer => frame(encode('RpcCall', { sequence: 5, ...call }));
const startInstance = rpc({ cmd_start_instance: { name: 'demo', config: '{}' } });
const event = rpc({ cmd_handle_event: { instance_id: 1, event_name: 'access' } });
const sample = (to: number, ...frames: Buffer[]): Buffer => Buffer.concat([Buffer.of(30, 60, to), ...frames]);

export const TAKE_OVER: FuzzTarget = {
  name: 'take-over',
  samples: [TO_REPLACED, TO_SERVING].flatMap((to) => [
    sample(to, encodeHandOver(1, true, 8900)),
    sample(to, encodeHandOver(1, false, undefined), startInstance, event),
    sample(to, startInstance, event, encodeHandOver(2, true, undefined), encodeHandOver(3, true, 1)),
    sample(to, rpc({ cmd_close_instance: { v: 1 } }), rpc({ cmd_get_plugin_names: {} }), event),
  ]),
  shortCases: 100,
  start,
  end,
  run: async (input) => {
    const [old, now] = [replaced!, serving!];
    assertWholeFrames(
      await talk(input[CUTS]! % 2 === TO_REPLACED ? oldPath() : path(), inPieces(input, HEAD_BYTES)),
    );
    assert.equal(old.status().events, 0, 'an event has begun in the process that was replaced');
    assert.ok(now.isServing && !now.isReplaced, 'the process that serves was talked out of it');
    for (const server of [old, now]) {
      await eventually(() => server.openEventCount === 0, 'an event is left open');
      await eventually(() => server.status().connections === 0, 'a connection is left');
    }
  },
};

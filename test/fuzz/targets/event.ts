/** A whole connection from Kong, over a socket: events, answers, calls, cut anywhere and left early. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setLogSink } from '../../../bridge/telemetry/log';
import { toPlugin } from '../../../pluginserver/plugin-loader';
import type { PlannedPhase } from '../../../pluginserver/plugin-module';
import { PluginServer } from '../../../pluginserver/server';
import { frame } from '../../pluginserver/support/fake-kong';
import { decode, encode, structMessage } from '../../pluginserver/support/kong-schema';
import { eventually, type Kong } from '../../pluginserver/support/serving';
import { assertWholeFrames, inPieces, talk } from '../talk';
import type { FuzzTarget } from '../target';

const LIMIT_BYTES = 2000;
/** In the samples, for the id of the instance, which another process has another of. */
const INSTANCE = 0x0123_4567;
const NEEDLE = instanceVarint(INSTANCE);

/** Reads what records are made of, then exits, in the phases of a request; once as a handler, once laid beforehand. */
class Plugin {
  readonly planned: { readonly rewrite: PlannedPhase } = {
    rewrite: {
      reads: [
        ['kong.request.get_method'],
        ['kong.request.get_headers', 1000],
        ['kong.request.get_raw_body', 10],
      ],
      run: (event, answers) => {
        assert.equal(answers.length, 3);
        event.tell('kong.ctx.shared.set', 'key', event.requestId ?? '');
        if (Buffer.isBuffer(answers[2])) event.exit(200, answers[2], {});
        else event.pass();
      },
    },
  };
  rewrite(): void {}
  async access(kong: Kong): Promise<void> {
    const [method, headers, body] = await Promise.all([
      kong.request.getMethod(),
      kong.request.getHeaders(1000),
      kong.request.getHeader('x-a'),
    ]);
    await kong.ctx.shared.set('key', method);
    void kong.response.exit(200, body ?? '', { 'x-count': Object.keys(headers).length });
  }
  async log(kong: Kong): Promise<void> {
    await kong.log.notice('seen');
  }
}

/** Written by hand for the id in five bytes. */
function event(phase: string): Buffer {
  const command = Buffer.concat([Buffer.of(0x08), NEEDLE, Buffer.of(0x12, phase.length), Buffer.from(phase)]);
  return frame(Buffer.concat([Buffer.of(0x08, 7, 0xa2, 0x02, command.length), command]));
}
const text = (value: string): Buffer => frame(encode('Text', { v: value }));
const nothing = frame(Buffer.alloc(0));
const body = (content: string): Buffer => frame(encode('RawBody', { content: Buffer.from(content) }));
const headers = frame(encode('Struct', structMessage({ host: 'a', 'x-a': 'caf\xe9' })));
/** Cuts, 0 for none, and whether the peer leaves in order. */
const head = Buffer.of(3, 40, 1);
const sample = (...frames: Buffer[]): Buffer => Buffer.concat([head, ...frames]);

let server: PluginServer | undefined;
let folder = '';
const socketPath = (): string => join(folder, 's.sock');
let instanceId = 0;
let restoreLog: (() => void) | undefined;

async function start(): Promise<void> {
  restoreLog = setLogSink(() => undefined);
  folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  const plugin = toPlugin({ Plugin, Name: 'demo', Version: '1.0.0', Priority: 1 }, folder);
  server = new PluginServer({ plugin, socketPath: socketPath(), maxFrameBytes: LIMIT_BYTES });
  await server.listen();
  await startInstance();
}

async function startInstance(): Promise<void> {
  const call = encode('RpcCall', { sequence: 1, cmd_start_instance: { name: 'demo', config: '{}' } });
  const returned = await talk(socketPath(), [frame(call)]);
  const status = decode('RpcReturn', returned.subarray(4)).instance_status as { instance_id: number };
  instanceId = status.instance_id;
}

async function end(): Promise<void> {
  server?.close();
  await eventually(() => server?.status().connections === 0, 'connections are left');
  rmSync(folder, { recursive: true, force: true });
  restoreLog?.();
}

/** The ids have as many bytes, so that nothing else moves. */
function withInstance(input: Buffer): Buffer {
  const bytes = Buffer.from(input);
  for (let at = bytes.indexOf(NEEDLE); at >= 0; at = bytes.indexOf(NEEDLE, at + 1))
    instanceVarint(instanceId).copy(bytes, at);
  return bytes;
}

/** Always five bytes: longer than it need be is allowed. */
function instanceVarint(id: number): Buffer {
  const bytes = Array.from({ length: 5 }, (_, index) => (Math.floor(id / 128 ** index) % 128) | 0x80);
  bytes[4]! &= 0x7f;
  return Buffer.from(bytes);
}

let cases = 0;

export const EVENT: FuzzTarget = {
  name: 'event',
  samples: [
    sample(event('access'), text('id'), text('POST'), headers, text('v'), nothing),
    sample(event('rewrite'), text('id'), text('POST'), headers, body('v'), nothing),
    sample(
      event('rewrite'),
      nothing,
      text('POST'),
      headers,
      body('too much for it'),
      text('of nginx'),
      nothing,
    ),
    sample(event('log'), nothing, event('access'), text('id'), text('GET'), headers, nothing, nothing),
    sample(frame(encode('RpcCall', { sequence: 2, cmd_get_plugin_info: { v: 'demo' } })), event('access')),
    sample(frame(encode('RpcCall', { sequence: 2, cmd_start_instance: { name: 'demo', config: '{}' } }))),
    sample(
      frame(encode('RpcCall', { sequence: 3, cmd_get_instance_status: { v: INSTANCE } })),
      event('rewrite'),
    ),
  ],
  shortCases: 100,
  start,
  end,
  run: async (input) => {
    assertWholeFrames(await talk(socketPath(), inPieces(withInstance(input), head.length)));
    const now = server!;
    await eventually(() => now.openEventCount === 0, 'an event is left open');
    await eventually(() => now.status().connections === 0, 'a connection is left');
    if (++cases % 50 !== 0) return;
    // A call may have closed the other one.
    await startInstance();
    const normal = withInstance(sample(event('log'), nothing)).subarray(head.length);
    const answer = await talk(socketPath(), [normal]);
    assert.ok(answer.includes('kong.log.notice'), 'a normal event was not answered');
  },
};

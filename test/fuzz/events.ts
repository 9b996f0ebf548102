/** Connections from Kong with events for event-plugin, as inputs: how they are cut, and the frames. */
import assert from 'node:assert/strict';
import { FakeKong, frame } from '../pluginserver/support/fake-kong';
import { encode, structMessage } from '../pluginserver/support/kong-schema';
import { Name } from './event-plugin';
import { inPieces, talk } from './talk';

/** In the samples, for the id of the instance, which another process has another of. */
const INSTANCE = 0x0123_4567;
const NEEDLE = instanceVarint(INSTANCE);

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

export const EVENT_SAMPLES: readonly Buffer[] = [
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
];

/** What the server has written until it closed. */
export function talkEvents(socketPath: string, input: Buffer, instanceId: number): Promise<Buffer> {
  return talk(socketPath, inPieces(withInstance(input, instanceId), head.length));
}

/** @returns its id */
export async function startInstance(socketPath: string): Promise<number> {
  const kong = await FakeKong.connect(socketPath);
  const id = await kong.startInstance(Name);
  await kong.close();
  return id;
}

/** @param firstId up to that before `endId`; those that are not there any more do not matter */
export async function closeInstances(socketPath: string, firstId: number, endId: number): Promise<void> {
  const kong = await FakeKong.connect(socketPath);
  for (let id = firstId; id < endId; id++) {
    kong.call({ cmd_close_instance: { v: id } });
    await kong.readReturn();
  }
  await kong.close();
}

/** @throws AssertionError */
export async function assertServes(socketPath: string, instanceId: number): Promise<void> {
  const answer = await talkEvents(socketPath, sample(event('log'), nothing), instanceId);
  assert.ok(answer.includes('kong.log.notice'), 'a normal event was not answered');
}

/** The ids have as many bytes, so that nothing else moves. */
function withInstance(input: Buffer, instanceId: number): Buffer {
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

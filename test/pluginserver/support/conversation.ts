/**
 * One event as a conversation that can be played in any pieces: a handler that makes all its calls at once, and
 * everything Kong says, answers included, as one stream of bytes.
 */

import { camelCase } from '../../../pluginserver/pdk';
import { payloadOf, type Recorded } from '../../support/gateway-recordings';
import { frame, type FakeKong } from './fake-kong';
import { KONG_METHODS } from './kong-methods';
import { decode, encode, plainStruct, plainValue } from './kong-schema';
import type { Kong } from './serving';

export interface Conversation {
  readonly requestId: Buffer;
  readonly calls: readonly { readonly method: string; readonly args: readonly unknown[] }[];
  /** One for each call. */
  readonly answers: readonly Buffer[];
  /** Arguments of exit; undefined when the handler returns. */
  readonly exit: readonly unknown[] | undefined;
}

/** Kong's side of it: the event and all answers, as frames. */
export function streamOf({ requestId, answers }: Conversation, instanceId: number): Buffer[] {
  const event = encode('RpcCall', {
    sequence: 7,
    cmd_handle_event: { instance_id: instanceId, event_name: 'access' },
  });
  return [event, requestId, ...answers].map(frame);
}

/** The handler's side. @returns what the calls gave, an error as its text */
export async function play(kong: Kong, { calls, exit }: Conversation): Promise<unknown[]> {
  const results = calls.map(async ({ method, args }) => {
    const [, ...path] = method.split('.').map(camelCase);
    const call = path.reduce<unknown>((level, name) => (level as Record<string, unknown>)[name], kong);
    return (call as (...args: readonly unknown[]) => Promise<unknown>)(...args).catch(String);
  });
  const given = await Promise.all(results);
  if (exit !== undefined) void kong.response.exit(...exit);
  return given;
}

/** Frames from the server until it has ended the event. */
export async function readToEnd(kong: FakeKong): Promise<Buffer[]> {
  const frames: Buffer[] = [];
  for (;;) {
    const method = await kong.readFrame();
    if (method === undefined) throw new Error('the server closed the connection in the middle of an event');
    // Arguments follow a method, an RpcReturn follows the end of the calls.
    const second = await kong.readFrame();
    if (second === undefined) throw new Error('the server closed the connection in the middle of an event');
    frames.push(method, second);
    if (method.length === 0 || String(method) === EXIT) return frames;
  }
}

interface RecordedEvent {
  readonly calls: Recorded[];
  readonly args: Recorded[];
  readonly answers: Recorded[];
  end: 'exit' | 'return' | undefined;
}

/** The events of the access phase in a recording that ended in order. */
export function recordedConversations(items: readonly Recorded[]): Conversation[] {
  const open = new Map<number, RecordedEvent>();
  const events: RecordedEvent[] = [];
  for (const item of items) {
    if (item.kind === 'RpcCall') {
      open.delete(item.conn);
      if (!JSON.stringify(item.dec).includes('"event_name":"access"')) continue;
      const begun: RecordedEvent = { calls: [], args: [], answers: [], end: undefined };
      open.set(item.conn, begun);
      events.push(begun);
      continue;
    }
    const event = open.get(item.conn);
    if (event === undefined) continue;
    if (item.kind === 'PdkMethod') event.calls.push(item);
    else if (item.kind === 'PdkArgs') event.args.push(item);
    // Answers to pipelined calls come after the exit was written.
    else if (item.kind === 'PdkReply') event.answers.push(item);
    else if (item.kind === 'EndOfCalls') event.end = 'return';
    if (item.kind === 'PdkArgs' && String(payloadOf(event.calls.at(-1)!)) === EXIT) event.end = 'exit';
  }
  return events.filter(({ end }) => end !== undefined).map(conversationOf);
}

const EXIT = 'kong.response.exit';
const REQUEST_ID = 'kong_request_id';

function conversationOf(recorded: RecordedEvent): Conversation {
  const calls = recorded.calls.map((item, index) => {
    const method = String(payloadOf(item));
    return { method, args: argumentsOf(method, payloadOf(recorded.args[index]!)) };
  });
  const exit = recorded.end === 'exit' ? calls.pop()?.args : undefined;
  const answers = recorded.answers.map(payloadOf);
  // A handler that asks for the request id shares the server's own call, so one answer serves both.
  const isShared = (index: number): boolean => calls[index]!.args[0] === REQUEST_ID;
  const shared = answers.find((_, index) => isShared(index));
  return {
    requestId: shared ?? encode('Text', { v: 'recorded' }),
    calls,
    answers: answers.filter((_, index) => !isShared(index)),
    exit,
  };
}

function argumentsOf(name: string, payload: Buffer): unknown[] {
  const takes = KONG_METHODS.find((method) => method.name === name)?.takes;
  switch (takes) {
    case 'Empty':
      return [];
    case 'String':
      return [decode('Text', payload).v ?? ''];
    case 'Int':
      return [decode('Int', payload).v ?? 0];
    case 'KV': {
      const { k, v } = decode('KeyValue', payload);
      return [k, plainValue(v)];
    }
    case 'ListValue':
      return (decode('List', payload).values as unknown[]).map(plainValue);
    case 'ExitArgs': {
      const { status, body = '', headers } = decode('ExitArgs', payload);
      return [status, Buffer.from(body as string, 'latin1'), plainStruct(headers)];
    }
    default:
      throw new Error(`no recording is known with ${name}, which takes ${takes}`);
  }
}

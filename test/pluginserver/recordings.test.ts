/**
 * Conversations recorded between a real Kong 3.9.3 and a plugin server, if they lie beside the repository:
 * every frame must decode to what was recorded, and encode back to it.
 */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import * as messages from '../../pluginserver/messages';
import { PDK_METHODS } from '../../pluginserver/pdk';
import type { PdkValue } from '../../pluginserver/values';
import { decode, plainStruct, plainValue, typeOf } from './support/kong-schema';

interface Recorded {
  readonly conn: number;
  readonly dir?: 'kong>server' | 'server>kong';
  readonly kind?: string;
  readonly b64?: string;
  readonly len?: number;
  readonly dec?: unknown;
}

const folder = recordingsFolder();

describe(
  'recorded conversations',
  { skip: folder === undefined && 'no recordings beside the repository' },
  () => {
    for (const file of folder === undefined
      ? []
      : readdirSync(folder).filter((name) => /^pb-.*\.jsonl$/.test(name))) {
      it(`${file} decodes to what was recorded and encodes back to it`, () => {
        replay(
          readFileSync(join(folder as string, file), 'utf8')
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line) as Recorded),
        );
      });
    }

    it('hold conversations at all', () => {
      assert.ok(readdirSync(folder as string).filter((name) => name.startsWith('pb-')).length > 10);
    });
  },
);

function recordingsFolder(): string | undefined {
  let root = __dirname;
  while (!existsSync(join(root, 'package.json')) && root !== dirname(root)) root = dirname(root);
  const candidate = process.env.KONG_RECORDINGS ?? join(root, '..', 'shared', 'kong-rpc');
  return existsSync(candidate) ? candidate : undefined;
}

/** Per connection: the methods whose answers are outstanding. */
function replay(entries: readonly Recorded[]): void {
  const lastMethod = new Map<number, string>();
  const unanswered = new Map<number, string[]>();
  for (const entry of entries) {
    if (entry.kind === undefined) continue;
    const payload = Buffer.from(entry.b64 as string, 'base64');
    assert.equal(payload.length, entry.len);
    switch (entry.kind) {
      case 'RpcCall':
        checkCall(payload, entry.dec);
        break;
      case 'RpcReturn':
        checkReturn(payload, entry.dec);
        break;
      case 'EndOfCalls':
        assert.deepEqual(messages.END_OF_CALLS.subarray(4), payload);
        break;
      case 'PdkMethod': {
        const method = PDK_METHODS.get(payload.toString());
        assert.ok(method, `${payload.toString()} is in the table`);
        assert.deepEqual(method.nameFrame.subarray(4), payload);
        lastMethod.set(entry.conn, method.wireName);
        unanswered.set(entry.conn, [...(unanswered.get(entry.conn) ?? []), method.wireName]);
        break;
      }
      case 'PdkArgs':
        checkArguments(lastMethod.get(entry.conn) as string, payload, entry.dec as ArgumentsRecorded);
        break;
      case 'PdkReply':
        checkReply(
          (unanswered.get(entry.conn) as string[]).shift() as string,
          payload,
          entry.dec as ReplyRecorded,
        );
        break;
      default:
        assert.fail(`unknown kind ${entry.kind}`);
    }
  }
}

function checkCall(payload: Buffer, dec: unknown): void {
  const { sequence, ...recorded } = dec as { sequence: number } & Record<string, Record<string, unknown>>;
  const call = messages.decodeRpcCall(payload);
  assert.equal(call.sequence, sequence);
  const [command, fields] = Object.entries(recorded)[0] as [string, Record<string, unknown>];
  assert.equal(`cmd_${call.kind}`, command);
  if (call.kind === 'start_instance') {
    assert.equal(call.name, fields.name);
    assert.deepEqual(JSON.parse(call.config.toString()), fields.config);
  } else if (call.kind === 'handle_event') {
    assert.deepEqual({ instance_id: call.instanceId, event_name: call.phase }, fields);
  } else if (call.kind === 'close_instance') assert.deepEqual({ instance_id: call.instanceId }, fields);
  else assert.fail(`${call.kind} is not expected in the recordings`);
}

function checkReturn(payload: Buffer, dec: unknown): void {
  const { sequence, instance_status: status } = dec as {
    sequence: number;
    instance_status?: { name?: string; instance_id?: number; started_at?: number };
  };
  const frame =
    status === undefined
      ? messages.encodeReturn(sequence)
      : messages.encodeInstanceStatus(sequence, {
          name: status.name ?? '',
          instanceId: status.instance_id ?? 0,
          startedAt: status.started_at ?? 0,
        });
  assertSame('RpcReturn', frame, payload);
}

interface ArgumentsRecorded {
  readonly type: string;
  readonly value: Record<string, unknown>;
}

/** Through the codec, and through the method's own row of the PDK table where it takes the values as they are. */
function checkArguments(method: string, payload: Buffer, { type, value }: ArgumentsRecorded): void {
  const row = PDK_METHODS.get(method);
  switch (type) {
    case 'Empty':
      assert.deepEqual(messages.EMPTY.subarray(4), payload);
      assert.deepEqual(row?.encode([]), messages.EMPTY);
      return;
    case 'String':
      assertSame('Text', messages.encodeString(value.v as string), payload);
      assertSame('Text', row?.encode([value.v]), payload);
      return;
    case 'Int':
      assertSame('Int', messages.encodeInt(value.v as number), payload);
      return;
    case 'KV': {
      const plain = plainRecorded(value.v);
      assertSame('KeyValue', messages.encodeKeyValue(value.k as string, plain), payload);
      assertSame('KeyValue', row?.encode([value.k, plain]), payload);
      return;
    }
    case 'ListValue':
      assertSame('List', messages.encodeList((value.values as unknown[]).map(plainRecorded)), payload);
      return;
    case 'ExitArgs': {
      const recorded = decode('ExitArgs', payload);
      const body = Buffer.from((recorded.body as string | undefined) ?? '', 'latin1');
      assertBytes(body, value.body);
      const fields = (value.headers as { fields?: Record<string, unknown> } | undefined)?.fields ?? {};
      const headers = Object.fromEntries(
        Object.entries(fields).map(([name, item]) => [name, plainRecorded(item)]),
      );
      const frame = Buffer.concat(
        messages.encodeExit(
          Buffer.alloc(0),
          value.status as number,
          body,
          headers as Record<string, string | string[]>,
        ),
      );
      const ours = decode('ExitArgs', frame.subarray(4));
      assert.equal(ours.status, recorded.status);
      assert.equal(ours.body ?? '', recorded.body ?? '');
      assert.deepEqual(plainStruct(ours.headers), plainStruct(recorded.headers));
      return;
    }
    default:
      assert.fail(`arguments of type ${type}`);
  }
}

interface ReplyRecorded {
  readonly method: string;
  readonly value?: unknown;
}

function checkReply(method: string, payload: Buffer, { method: recordedMethod, value }: ReplyRecorded): void {
  assert.equal(recordedMethod, method);
  if (method === 'kong.request.get_raw_body') {
    const body = messages.decodeRawBody(payload);
    const { content, body_filepath } = (value ?? {}) as { content?: unknown; body_filepath?: string };
    if (body.kind === 'content') assertBytes(body.content, content);
    else assert.deepEqual(body, { kind: 'file', path: body_filepath });
    return;
  }
  const decoded = PDK_METHODS.get(method)?.decode(payload, [], { reserveBytes: () => undefined });
  if (isShortened(value))
    assert.ok(String(decoded).startsWith(value.head) && String(decoded).length === value.str_len);
  else assert.deepEqual(plain(decoded), value ?? undefined);
}

/** Prototype-less maps are compared by their members; the recordings leave out a route's fields that are false. */
function plain(value: unknown): unknown {
  if (value === undefined) return undefined;
  return JSON.parse(JSON.stringify(value, (_, member: unknown) => (member === false ? undefined : member)));
}

function isShortened(value: unknown): value is { str_len: number; head: string } {
  return typeof value === 'object' && value !== null && 'str_len' in value;
}

function assertBytes(actual: Buffer, recorded: unknown): void {
  const { bytes_b64, bytes_len, sha1 } = (recorded ?? { bytes_b64: '' }) as Record<string, string | number>;
  if (bytes_b64 !== undefined) assert.equal(actual.toString('base64'), bytes_b64);
  else {
    assert.equal(actual.length, bytes_len);
    assert.equal(createHash('sha1').update(actual).digest('hex'), sha1);
  }
}

/** The same message, whatever the order of its fields. */
function assertSame(type: string, frame: Buffer | undefined, payload: Buffer): void {
  assert.ok(frame);
  assert.ok(typeOf(type));
  assert.deepEqual(withoutDefaults(decode(type, frame.subarray(4))), withoutDefaults(decode(type, payload)));
}

/** A field that holds its default may be sent or left out: to the reader it is the same. */
function withoutDefaults(message: unknown): unknown {
  return JSON.parse(
    JSON.stringify(message, (_, member: unknown) => (member === 0 || member === '' ? undefined : member)),
  );
}

/** The recordings name the kinds of a Value in camel case. */
function plainRecorded(value: unknown): PdkValue {
  const { stringValue, numberValue, boolValue, listValue } = value as Record<string, unknown>;
  if (listValue !== undefined) {
    return ((listValue as { values?: unknown[] }).values ?? []).map(plainRecorded);
  }
  return plainValue({
    string_value: stringValue,
    number_value: numberValue,
    bool_value: boolValue,
  }) as PdkValue;
}

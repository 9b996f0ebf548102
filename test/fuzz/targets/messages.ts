/** Protobuf messages from Kong, into which clients put bytes of their own. */
import assert from 'node:assert/strict';
import * as entities from '../../../pluginserver/entities';
import * as messages from '../../../pluginserver/messages';
import { MalformedMessage } from '../../../pluginserver/wire';
import { encode, structMessage, valueMessage } from '../../pluginserver/support/kong-schema';
import { unlessRefused, type FuzzTarget } from '../target';

const RAW = 'caf\xe9\xff\0';
const DEEP = Array.from({ length: 12 }).reduce<unknown>((inner) => [{ a: inner }], RAW);

const ENTITIES = [
  entities.ROUTE,
  entities.SERVICE,
  entities.CONSUMER,
  entities.CREDENTIAL,
  entities.AUTHENTICATE_ARGS,
  entities.CONSUMER_SPEC,
  entities.TARGET,
  entities.MEMORY_STATS,
];

const READERS: ((payload: Buffer) => unknown)[] = [
  messages.decodeOptionalString,
  messages.decodeString,
  messages.decodeInt,
  messages.decodeBool,
  messages.decodeNumber,
  messages.decodeBytes,
  messages.decodeRawBody,
  (payload) => messages.decodeEntity(payload, entities.URI_CAPTURES),
];

const refused = (error: unknown): boolean => error instanceof MalformedMessage;
const payloadOf = (frame: Buffer): Buffer => {
  assert.equal(frame.readUInt32LE(0), frame.length - 4, 'the length of a frame');
  return frame.subarray(4);
};

/** What was read, written and read again, is the same. */
function sameAgain<T>(payload: Buffer, read: (payload: Buffer) => T, write: (value: T) => Buffer): void {
  const value = unlessRefused(() => read(payload), refused);
  if (value !== undefined) assert.deepStrictEqual(read(payloadOf(write(value))), value);
}

/** Integers beyond this are not exact, and need not come back. */
function isExact(value: unknown): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  return typeof value !== 'object' || value === null || Object.values(value).every(isExact);
}

export const MESSAGES: FuzzTarget = {
  name: 'messages',
  samples: [
    encode('RpcCall', { sequence: 300, cmd_start_instance: { name: 'demo', config: '{"a":1}' } }),
    encode('RpcCall', { sequence: 2 ** 40, cmd_handle_event: { instance_id: -1, event_name: RAW } }),
    encode('RpcCall', { sequence: 1, cmd_close_instance: { v: 2 ** 31 - 1 } }),
    encode('Struct', structMessage({ host: 'a', 'x-raw': RAW, list: ['1', 2, true, null], __proto: {} })),
    encode('Value', valueMessage(DEEP)),
    encode('List', { values: [valueMessage('a'), valueMessage(-1.5), valueMessage({ b: RAW })] }),
    encode('RawBody', { content: RAW }),
    encode('RawBody', { body_filepath: '/x' }),
    encode('Route', { id: RAW, regex_priority: -3, paths: ['/a', '/b'], service: { id: 's' } }),
    encode('MemoryStats', { workers_lua_vms: [{ pid: 2 }, {}], lua_shared_dicts: { kong: { capacity: 5 } } }),
    encode('AuthenticateArgs', { consumer: { id: 'a', tags: [RAW] }, credential: { id: 'i' } }),
    encode('Captures', { unnamed: ['a'], named: [{ key: '__proto__', value: RAW }] }),
    encode('Double', { v: 1.5 }),
  ],
  tokens: ['\x0a\x7f', '\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01', '\x0b', '\x0c', '\x32\x02\x0a\x00'],
  shortCases: 80,
  run: (input) => {
    const call = unlessRefused(() => messages.decodeRpcCall(input), refused);
    if (call !== undefined) assert.equal(typeof call.sequence, 'number');
    for (const read of READERS) unlessRefused(() => read(input), refused);
    sameAgain(input, messages.decodeValue, messages.encodeValue);
    sameAgain(input, messages.decodeList, messages.encodeList);
    sameAgain(input, messages.decodeStruct, messages.encodeStruct);
    for (const fields of ENTITIES) {
      const read = (payload: Buffer) => messages.decodeEntity(payload, fields);
      sameAgain(
        input,
        (payload) => {
          const entity = read(payload);
          // Without a field that is known it is nothing, and nothing is what is written.
          return isExact(entity) && Object.keys(entity ?? {}).length > 0 ? entity : undefined;
        },
        (entity) => messages.encodeEntity(entity ?? {}, fields),
      );
    }
  },
};

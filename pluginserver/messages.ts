/**
 * The messages of Kong's `pluginsocket.proto` as functions: calls from Kong, our returns, and the arguments and
 * results of PDK methods. Decoders take a frame's payload, encoders make a complete frame.
 *
 * Every `string` is bytes, decoded as latin1 and encoded back byte for byte (see wire.ts): Kong passes on what
 * the client sent, UTF-8 or not. A handler that wants text decodes it itself: `Buffer.from(value, 'latin1')`.
 */

import { readMessage, writeMessage, type Entity, type MessageFields } from './entities';
import { readList, readStruct, readValue, writeList, writeStruct, writeValue, type PdkValue } from './values';
import { BYTES, FIXED64, ProtoReader, ProtoWriter, VARINT, tagOf } from './wire';

const writer = new ProtoWriter();

// ---- RPC -------------------------------------------------------------------------------------------------

export type RpcCall = { readonly sequence: number } & (
  | { readonly kind: 'get_plugin_names' }
  | { readonly kind: 'get_plugin_info'; readonly name: string }
  /** `config` is a view into the payload, and full of secrets. */
  | { readonly kind: 'start_instance'; readonly name: string; readonly config: Buffer }
  | { readonly kind: 'get_instance_status'; readonly instanceId: number }
  | { readonly kind: 'close_instance'; readonly instanceId: number }
  | { readonly kind: 'handle_event'; readonly instanceId: number; readonly phase: string }
  /** Not Kong's: another plugin server takes over, and another plugin's events follow those of this one or not. */
  | {
      readonly kind: 'hand_over';
      readonly isFollowed: boolean;
      /** The port of the status page, if it wants that as well. */
      readonly wantedStatusPort: number | undefined;
    }
  /** A command this server does not know, from a newer Kong. */
  | { readonly kind: 'unknown' }
);

const SEQUENCE = tagOf(1, VARINT);
const GET_PLUGIN_NAMES = tagOf(31, BYTES);
const GET_PLUGIN_INFO = tagOf(32, BYTES);
const START_INSTANCE = tagOf(33, BYTES);
const GET_INSTANCE_STATUS = tagOf(34, BYTES);
const CLOSE_INSTANCE = tagOf(35, BYTES);
const HANDLE_EVENT = tagOf(36, BYTES);
/** Far from what Kong may come to use. */
const HAND_OVER = tagOf(10_000, VARINT);
const WANTED_STATUS_PORT = tagOf(10_001, VARINT);
const FOLLOWED = 1;
const NOT_FOLLOWED = 2;
const FIRST_VARINT = tagOf(1, VARINT);
const FIRST_BYTES = tagOf(1, BYTES);
const SECOND_BYTES = tagOf(2, BYTES);

type WithoutSequence<T> = T extends unknown ? Omit<T, 'sequence'> : never;

/** @throws MalformedMessage */
export function decodeRpcCall(payload: Buffer): RpcCall {
  const reader = new ProtoReader(payload);
  let sequence = 0;
  let command: WithoutSequence<RpcCall> = { kind: 'unknown' };
  let wantedStatusPort: number | undefined;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === HANDLE_EVENT) command = decodeHandleEvent(reader.message());
    else if (tag === SEQUENCE) sequence = reader.int();
    else if (tag === START_INSTANCE) command = decodeStartInstance(reader.message());
    else if (tag === CLOSE_INSTANCE)
      command = { kind: 'close_instance', instanceId: firstInt(reader.message()) };
    else if (tag === GET_INSTANCE_STATUS) {
      command = { kind: 'get_instance_status', instanceId: firstInt(reader.message()) };
    } else if (tag === GET_PLUGIN_INFO) {
      command = { kind: 'get_plugin_info', name: firstString(reader.message()) ?? '' };
    } else if (tag === GET_PLUGIN_NAMES) {
      reader.skip(tag);
      command = { kind: 'get_plugin_names' };
    } else if (tag === HAND_OVER) {
      command = { kind: 'hand_over', isFollowed: reader.int() === FOLLOWED, wantedStatusPort };
    } else if (tag === WANTED_STATUS_PORT) wantedStatusPort = reader.int();
    else reader.skip(tag);
  }
  if (command.kind === 'hand_over') return { ...command, wantedStatusPort, sequence };
  return { ...command, sequence };
}

function decodeStartInstance(reader: ProtoReader): WithoutSequence<RpcCall> {
  let name = '';
  let config = Buffer.alloc(0);
  while (reader.more) {
    const tag = reader.tag();
    if (tag === FIRST_BYTES) name = reader.string();
    else if (tag === SECOND_BYTES) config = reader.bytes() as typeof config;
    else reader.skip(tag);
  }
  return { kind: 'start_instance', name, config };
}

function decodeHandleEvent(reader: ProtoReader): WithoutSequence<RpcCall> {
  let instanceId = 0;
  let phase = '';
  while (reader.more) {
    const tag = reader.tag();
    if (tag === FIRST_VARINT) instanceId = reader.int();
    else if (tag === SECOND_BYTES) phase = reader.string();
    else reader.skip(tag);
  }
  return { kind: 'handle_event', instanceId, phase };
}

/** What one plugin server says to the one it replaces; see take-over.ts. */
export function encodeHandOver(
  sequence: number,
  isFollowed: boolean,
  wantedStatusPort: number | undefined,
): Buffer {
  writer.frame();
  writer.int(SEQUENCE, sequence);
  writer.int(HAND_OVER, isFollowed ? FOLLOWED : NOT_FOLLOWED);
  if (wantedStatusPort !== undefined) writer.int(WANTED_STATUS_PORT, wantedStatusPort);
  return writer.finish();
}

/** Ends the PDK calls of an event; an RpcReturn follows. */
export const END_OF_CALLS = Buffer.alloc(4);

/** The answer that carries nothing but the call's sequence. Kong compares it and fails the event if it differs. */
export function encodeReturn(sequence: number): Buffer {
  writer.frame();
  writer.int(SEQUENCE, sequence);
  return writer.finish();
}

export interface InstanceStatus {
  readonly name: string;
  readonly instanceId: number;
  /** Seconds since 1970. */
  readonly startedAt: number;
}

/** `config` is a field of this message, too; it is never sent, because it holds secrets and Kong ignores it. */
export function encodeInstanceStatus(sequence: number, status: InstanceStatus): Buffer {
  writer.frame();
  writer.int(SEQUENCE, sequence);
  writer.message(START_INSTANCE, () => {
    writer.string(tagOf(1, BYTES), status.name);
    writer.int(tagOf(2, VARINT), status.instanceId);
    writer.int(tagOf(4, VARINT), status.startedAt);
  });
  return writer.finish();
}

export function encodePluginNames(sequence: number, names: readonly string[]): Buffer {
  writer.frame();
  writer.int(SEQUENCE, sequence);
  writer.message(GET_PLUGIN_NAMES, () => {
    for (const name of names) writer.string(FIRST_BYTES, name);
  });
  return writer.finish();
}

export interface PluginInfo {
  readonly name: string;
  readonly phases: readonly string[];
  readonly version: string;
  readonly priority: number;
}

/** Kong takes schemas from the query command, so none is sent here. */
export function encodePluginInfo(sequence: number, info: PluginInfo): Buffer {
  writer.frame();
  writer.int(SEQUENCE, sequence);
  writer.message(GET_PLUGIN_INFO, () => {
    writer.string(tagOf(1, BYTES), info.name);
    for (const phase of info.phases) writer.string(tagOf(4, BYTES), phase);
    writer.string(tagOf(5, BYTES), info.version);
    writer.int(tagOf(6, VARINT), info.priority);
  });
  return writer.finish();
}

// ---- Results of PDK methods ------------------------------------------------------------------------------

/** Undefined when absent. Kong sends the empty string the same way, as no bytes at all. */
export function decodeOptionalString(payload: Buffer): string | undefined {
  return payload.length === 0 ? undefined : firstString(new ProtoReader(payload));
}

/** For methods whose result may be empty but is never absent. */
export function decodeString(payload: Buffer): string {
  return decodeOptionalString(payload) ?? '';
}

export function decodeInt(payload: Buffer): number {
  return firstInt(new ProtoReader(payload));
}

export function decodeBool(payload: Buffer): boolean {
  return decodeInt(payload) !== 0;
}

export function decodeNumber(payload: Buffer): number {
  const reader = new ProtoReader(payload);
  let value = 0;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === tagOf(1, FIXED64)) value = reader.double();
    else reader.skip(tag);
  }
  return value;
}

/** A copy that may be kept. */
export function decodeBytes(payload: Buffer): Buffer {
  const reader = new ProtoReader(payload);
  let value: Buffer | undefined;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === FIRST_BYTES) value = reader.bytes();
    else reader.skip(tag);
  }
  return value === undefined ? Buffer.alloc(0) : detached(value);
}

export function decodeValue(payload: Buffer): PdkValue {
  return readValue(new ProtoReader(payload));
}

export function decodeList(payload: Buffer): PdkValue[] {
  return readList(new ProtoReader(payload));
}

export function decodeStruct(payload: Buffer): Record<string, PdkValue> {
  return readStruct(new ProtoReader(payload));
}

/** Undefined when Kong has no such entity: it then sends a message without fields. */
export function decodeEntity(payload: Buffer, fields: MessageFields): Entity | undefined {
  return payload.length === 0 ? undefined : readMessage(new ProtoReader(payload), fields);
}

export type RawBody =
  | { readonly kind: 'content'; readonly content: Buffer }
  /** nginx kept the body on disk. The file is gone 50 ms after the request ends. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'error'; readonly message: string };

export function decodeRawBody(payload: Buffer): RawBody {
  const reader = new ProtoReader(payload);
  let body: RawBody = { kind: 'content', content: Buffer.alloc(0) };
  while (reader.more) {
    const tag = reader.tag();
    if (tag === tagOf(1, BYTES)) body = { kind: 'content', content: detached(reader.bytes()) };
    else if (tag === tagOf(2, BYTES)) body = { kind: 'file', path: reader.string() };
    else if (tag === tagOf(3, BYTES)) body = { kind: 'error', message: reader.string() };
    else reader.skip(tag);
  }
  return body;
}

/** A small view would keep the socket's whole 64 KB read buffer alive; a frame of its own is kept as it is. */
function detached(view: Buffer): Buffer {
  return view.length * 2 < view.buffer.byteLength ? Buffer.from(view) : view;
}

function firstInt(reader: ProtoReader): number {
  let value = 0;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === FIRST_VARINT) value = reader.int();
    else reader.skip(tag);
  }
  return value;
}

function firstString(reader: ProtoReader): string | undefined {
  let value: string | undefined;
  while (reader.more) {
    const tag = reader.tag();
    if (tag === FIRST_BYTES) value = reader.string();
    else reader.skip(tag);
  }
  return value;
}

// ---- Arguments of PDK methods ----------------------------------------------------------------------------

export const EMPTY = Buffer.alloc(4);

export function encodeString(value: string): Buffer {
  writer.frame();
  writer.string(FIRST_BYTES, value);
  return writer.finish();
}

export function encodeInt(value: number): Buffer {
  writer.frame();
  writer.int(FIRST_VARINT, value);
  return writer.finish();
}

export function encodeBool(value: boolean): Buffer {
  return value ? encodeInt(1) : EMPTY;
}

export function encodeBytes(value: Uint8Array): Buffer {
  writer.frame();
  writer.bytes(FIRST_BYTES, value);
  return writer.finish();
}

export function encodeKeyValue(key: string, value: PdkValue): Buffer {
  writer.frame();
  writer.string(FIRST_BYTES, key);
  writer.message(SECOND_BYTES, () => writeValue(writer, value));
  return writer.finish();
}

export function encodeValue(value: PdkValue): Buffer {
  writer.frame();
  writeValue(writer, value);
  return writer.finish();
}

export function encodeList(values: readonly PdkValue[]): Buffer {
  writer.frame();
  writeList(writer, values);
  return writer.finish();
}

export function encodeStruct(struct: Readonly<Record<string, PdkValue>>): Buffer {
  writer.frame();
  writeStruct(writer, struct);
  return writer.finish();
}

export function encodeEntity(entity: Readonly<Entity>, fields: MessageFields): Buffer {
  writer.frame();
  writeMessage(writer, entity, fields);
  return writer.finish();
}

/** A larger body goes to the socket as it is instead of being copied. */
const COPY_BELOW_BYTES = 16 * 1024;

/** A call of exit as it goes to the socket: one buffer, or several around a large body. */
export function encodeExit(
  nameFrame: Buffer,
  status: number,
  body: Buffer,
  headers: Readonly<Record<string, string | string[]>>,
): readonly Buffer[] {
  if (body.length < COPY_BELOW_BYTES) {
    writer.frame(nameFrame);
    writer.int(FIRST_VARINT, status);
    writer.bytes(SECOND_BYTES, body);
    writer.message(tagOf(3, BYTES), () => writeStruct(writer, headers));
    return [writer.finish()];
  }
  writer.frame();
  writer.message(tagOf(3, BYTES), () => writeStruct(writer, headers));
  const tail = writer.finishWithoutLength();
  writer.frame(nameFrame);
  writer.int(FIRST_VARINT, status);
  writer.uint(SECOND_BYTES);
  writer.uint(body.length);
  return [writer.finish(body.length + tail.length), body, tail];
}

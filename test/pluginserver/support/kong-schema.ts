/**
 * Kong's plugin protocol for protobufjs, as the independent witness of the hand-laid codec.
 * Every string is declared as bytes: the same on the wire, and no UTF-8 is enforced.
 */

import { Root, type Type } from 'protobufjs';

type FieldSpec = readonly [name: string, id: number, type: string, rule?: 'repeated'];

const ENTITY_TEXTS = (names: readonly (readonly [string, number])[]): FieldSpec[] =>
  names.map(([name, id]) => [name, id, 'bytes', 'repeated']);

const MESSAGES: Record<string, readonly FieldSpec[]> = {
  RpcCall: [
    ['sequence', 1, 'int64'],
    ['cmd_get_plugin_names', 31, 'Empty'],
    ['cmd_get_plugin_info', 32, 'Text'],
    ['cmd_start_instance', 33, 'StartInstance'],
    ['cmd_get_instance_status', 34, 'Int'],
    ['cmd_close_instance', 35, 'Int'],
    ['cmd_handle_event', 36, 'HandleEvent'],
  ],
  RpcReturn: [
    ['sequence', 1, 'int64'],
    ['plugin_names', 31, 'PluginNames'],
    ['plugin_info', 32, 'PluginInfo'],
    ['instance_status', 33, 'InstanceStatus'],
  ],
  StartInstance: [
    ['name', 1, 'bytes'],
    ['config', 2, 'bytes'],
  ],
  HandleEvent: [
    ['instance_id', 1, 'int32'],
    ['event_name', 2, 'bytes'],
  ],
  PluginNames: [['names', 1, 'bytes', 'repeated']],
  PluginInfo: [
    ['name', 1, 'bytes'],
    ['updated_at', 2, 'int64'],
    ['loaded_at', 3, 'int64'],
    ['phases', 4, 'bytes', 'repeated'],
    ['version', 5, 'bytes'],
    ['priority', 6, 'int32'],
    ['schema', 7, 'bytes'],
  ],
  InstanceStatus: [
    ['name', 1, 'bytes'],
    ['instance_id', 2, 'int32'],
    ['config', 3, 'Value'],
    ['started_at', 4, 'int64'],
  ],
  Empty: [],
  Text: [['v', 1, 'bytes']],
  Int: [['v', 1, 'int32']],
  Flag: [['v', 1, 'bool']],
  Double: [['v', 1, 'double']],
  KeyValue: [
    ['k', 1, 'bytes'],
    ['v', 2, 'Value'],
  ],
  Value: [
    ['null_value', 1, 'int32'],
    ['number_value', 2, 'double'],
    ['string_value', 3, 'bytes'],
    ['bool_value', 4, 'bool'],
    ['struct_value', 5, 'Struct'],
    ['list_value', 6, 'List'],
  ],
  List: [['values', 1, 'Value', 'repeated']],
  Struct: [['fields', 1, 'StructEntry', 'repeated']],
  StructEntry: [
    ['key', 1, 'bytes'],
    ['value', 2, 'Value'],
  ],
  ExitArgs: [
    ['status', 1, 'int32'],
    ['body', 2, 'bytes'],
    ['headers', 3, 'Struct'],
  ],
  RawBody: [
    ['content', 1, 'bytes'],
    ['body_filepath', 2, 'bytes'],
    ['error', 3, 'bytes'],
  ],
  Captures: [
    ['unnamed', 1, 'bytes', 'repeated'],
    ['named', 2, 'CapturesEntry', 'repeated'],
  ],
  CapturesEntry: [
    ['key', 1, 'bytes'],
    ['value', 2, 'bytes'],
  ],
  Key: [['id', 1, 'bytes']],
  Route: [
    ['id', 1, 'bytes'],
    ['created_at', 2, 'int64'],
    ['updated_at', 3, 'int64'],
    ['name', 4, 'bytes'],
    ...ENTITY_TEXTS([
      ['protocols', 5],
      ['methods', 6],
      ['hosts', 7],
      ['paths', 8],
      ['headers', 9],
    ]),
    ['https_redirect_status_code', 10, 'int32'],
    ['regex_priority', 11, 'int32'],
    ['strip_path', 12, 'bool'],
    ['preserve_host', 13, 'bool'],
    ...ENTITY_TEXTS([
      ['snis', 14],
      ['sources', 15],
      ['destinations', 16],
      ['tags', 17],
    ]),
    ['service', 18, 'Key'],
  ],
  Service: [
    ['id', 1, 'bytes'],
    ['created_at', 2, 'int64'],
    ['updated_at', 3, 'int64'],
    ['name', 4, 'bytes'],
    ['retries', 5, 'int32'],
    ['protocol', 6, 'bytes'],
    ['host', 7, 'bytes'],
    ['port', 8, 'int32'],
    ['path', 9, 'bytes'],
    ['connect_timeout', 10, 'int32'],
    ['write_timeout', 11, 'int32'],
    ['read_timeout', 12, 'int32'],
    ['tags', 13, 'bytes', 'repeated'],
    ['client_certificate', 14, 'Key'],
  ],
  Consumer: [
    ['id', 1, 'bytes'],
    ['created_at', 2, 'int64'],
    ['username', 3, 'bytes'],
    ['custom_id', 4, 'bytes'],
    ['tags', 5, 'bytes', 'repeated'],
  ],
  Credential: [
    ['id', 1, 'bytes'],
    ['consumer_id', 2, 'bytes'],
  ],
  AuthenticateArgs: [
    ['consumer', 1, 'Consumer'],
    ['credential', 2, 'Credential'],
  ],
  ConsumerSpec: [
    ['id', 1, 'bytes'],
    ['by_username', 2, 'bool'],
  ],
  Target: [
    ['host', 1, 'bytes'],
    ['port', 2, 'int32'],
  ],
  MemoryStats: [
    ['lua_shared_dicts', 1, 'Dicts'],
    ['workers_lua_vms', 2, 'WorkerVm', 'repeated'],
  ],
  Dicts: [
    ['kong', 1, 'DictStats'],
    ['kong_db_cache', 2, 'DictStats'],
  ],
  DictStats: [
    ['allocated_slabs', 1, 'int64'],
    ['capacity', 2, 'int64'],
  ],
  WorkerVm: [
    ['http_allocated_gc', 1, 'int64'],
    ['pid', 2, 'int64'],
  ],
};

/** Members of a oneof are written even when they hold 0, false or "". */
const ONEOFS: Record<string, readonly string[]> = {
  Value: ['null_value', 'number_value', 'string_value', 'bool_value', 'struct_value', 'list_value'],
  RawBody: ['content', 'body_filepath', 'error'],
};

const root = Root.fromJSON({
  nested: Object.fromEntries(
    Object.entries(MESSAGES).map(([message, fields]) => [
      message,
      {
        ...(ONEOFS[message] === undefined ? {} : { oneofs: { kind: { oneof: [...ONEOFS[message]] } } }),
        fields: Object.fromEntries(
          fields.map(([name, id, type, rule]) => [
            name,
            rule === undefined ? { id, type } : { id, type, rule },
          ]),
        ),
      },
    ]),
  ),
});

export function typeOf(message: string): Type {
  return root.lookupType(message);
}

/** Strings in the object become bytes, character by character. */
export function encode(message: string, object: object): Buffer {
  const type = typeOf(message);
  return Buffer.from(type.encode(type.fromObject(withBytes(object) as Record<string, unknown>)).finish());
}

/** Bytes in the message become latin1 strings, 64-bit integers become numbers; fields that were not sent are absent. */
export function decode(message: string, payload: Uint8Array): Record<string, unknown> {
  const type = typeOf(message);
  return withStrings(type.toObject(type.decode(payload), { longs: Number, bytes: Buffer })) as Record<
    string,
    unknown
  >;
}

function withBytes(value: unknown): unknown {
  if (typeof value === 'string') return Buffer.from(value, 'latin1');
  return mapMembers(value, withBytes);
}

function withStrings(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  return mapMembers(value, withStrings);
}

function mapMembers(value: unknown, map: (member: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(map);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, map(member)]));
}

// ---- Value, as plain values --------------------------------------------------------------------------------

export function structMessage(struct: Record<string, unknown>): object {
  return {
    fields: Object.entries(struct).map(([key, value]) => ({ key, value: valueMessage(value) })),
  };
}

export function valueMessage(value: unknown): object {
  if (value === null) return { null_value: 0 };
  if (typeof value === 'number') return { number_value: value };
  if (typeof value === 'string') return { string_value: value };
  if (typeof value === 'boolean') return { bool_value: value };
  if (Array.isArray(value)) return { list_value: { values: value.map(valueMessage) } };
  return { struct_value: structMessage(value as Record<string, unknown>) };
}

interface DecodedValue {
  number_value?: number;
  string_value?: string;
  bool_value?: boolean;
  struct_value?: DecodedStruct;
  list_value?: { values?: DecodedValue[] };
}
interface DecodedStruct {
  fields?: { key?: string; value?: DecodedValue }[];
}

export function plainStruct(struct: unknown): Record<string, unknown> {
  const fields = (struct as DecodedStruct | undefined)?.fields ?? [];
  return Object.fromEntries(fields.map(({ key = '', value = {} }) => [key, plainValue(value)]));
}

export function plainValue(value: unknown): unknown {
  const { number_value, string_value, bool_value, struct_value, list_value } = value as DecodedValue;
  if (list_value !== undefined) return (list_value.values ?? []).map(plainValue);
  if (struct_value !== undefined) return plainStruct(struct_value);
  return string_value ?? number_value ?? bool_value ?? null;
}

/**
 * The messages of Kong's `ProtoBuf:1` plugin protocol and a codec for them.
 *
 * The messages are data in a form of their own and the codec is protobufjs, so that a mistake in the plugin
 * server's hand-laid codec cannot be cancelled out by the same mistake here.
 *
 * A `string` of the protocol carries raw bytes (Kong never checks UTF-8), so every string is laid out as `bytes`,
 * which is the same on the wire, and handed over as latin1 text. Maps are laid out as the repeated key-value
 * pairs they are on the wire, because protobufjs would read their keys as UTF-8.
 */
import { Root, type Type } from 'protobufjs';
import { bytesOf, isTable, type LuaTable, type LuaValue } from './lua-value';

type Scalar = 'string' | 'bytes' | 'bool' | 'int32' | 'int64' | 'double' | 'enum';
type FieldSpec = [fieldNumber: number, type: string, shape?: 'list' | 'map' | 'oneof'];
type MessageSpec = Record<string, FieldSpec>;

const SCALARS: Record<Scalar, { wire: string; absent: LuaValue }> = {
  string: { wire: 'bytes', absent: '' },
  bytes: { wire: 'bytes', absent: '' },
  bool: { wire: 'bool', absent: false },
  int32: { wire: 'int32', absent: 0 },
  int64: { wire: 'int64', absent: 0 },
  double: { wire: 'double', absent: 0 },
  // google.protobuf.NullValue is the only enum; as an integer it needs no names.
  enum: { wire: 'int32', absent: 0 },
};

const MESSAGES: Record<string, MessageSpec> = {
  Empty: {},
  Struct: { fields: [1, 'Value', 'map'] },
  Value: {
    null_value: [1, 'enum', 'oneof'],
    number_value: [2, 'double', 'oneof'],
    string_value: [3, 'string', 'oneof'],
    bool_value: [4, 'bool', 'oneof'],
    struct_value: [5, 'Struct', 'oneof'],
    list_value: [6, 'ListValue', 'oneof'],
  },
  ListValue: { values: [1, 'Value', 'list'] },

  CmdGetPluginNames: {},
  CmdGetPluginInfo: { name: [1, 'string'] },
  CmdStartInstance: { name: [1, 'string'], config: [2, 'bytes'] },
  CmdGetInstanceStatus: { instance_id: [1, 'int32'] },
  CmdCloseInstance: { instance_id: [1, 'int32'] },
  CmdHandleEvent: { instance_id: [1, 'int32'], event_name: [2, 'string'] },
  RpcCall: {
    sequence: [1, 'int64'],
    cmd_get_plugin_names: [31, 'CmdGetPluginNames', 'oneof'],
    cmd_get_plugin_info: [32, 'CmdGetPluginInfo', 'oneof'],
    cmd_start_instance: [33, 'CmdStartInstance', 'oneof'],
    cmd_get_instance_status: [34, 'CmdGetInstanceStatus', 'oneof'],
    cmd_close_instance: [35, 'CmdCloseInstance', 'oneof'],
    cmd_handle_event: [36, 'CmdHandleEvent', 'oneof'],
  },
  PluginNames: { names: [1, 'string', 'list'] },
  PluginInfo: {
    name: [1, 'string'],
    updated_at: [2, 'int64'],
    loaded_at: [3, 'int64'],
    phases: [4, 'string', 'list'],
    version: [5, 'string'],
    priority: [6, 'int32'],
    schema: [7, 'string'],
  },
  InstanceStatus: {
    name: [1, 'string'],
    instance_id: [2, 'int32'],
    config: [3, 'Value'],
    started_at: [4, 'int64'],
  },
  RpcReturn: {
    sequence: [1, 'int64'],
    plugin_names: [31, 'PluginNames', 'oneof'],
    plugin_info: [32, 'PluginInfo', 'oneof'],
    instance_status: [33, 'InstanceStatus', 'oneof'],
  },

  KV: { k: [1, 'string'], v: [2, 'Value'] },
  Bool: { v: [1, 'bool'] },
  Int: { v: [1, 'int32'] },
  Number: { v: [1, 'double'] },
  String: { v: [1, 'string'] },
  ByteString: { v: [1, 'bytes'] },
  ExitArgs: { status: [1, 'int32'], body: [2, 'bytes'], headers: [3, 'Struct'] },
  RawBodyResult: {
    content: [1, 'bytes', 'oneof'],
    body_filepath: [2, 'string', 'oneof'],
    error: [3, 'string', 'oneof'],
  },
  UriCapturesResult: { unnamed: [1, 'bytes', 'list'], named: [2, 'bytes', 'map'] },
  ServiceKey: { id: [1, 'string'] },
  CertificateKey: { id: [1, 'string'] },
  Route: {
    id: [1, 'string'],
    created_at: [2, 'int64'],
    updated_at: [3, 'int64'],
    name: [4, 'string'],
    protocols: [5, 'string', 'list'],
    methods: [6, 'string', 'list'],
    hosts: [7, 'string', 'list'],
    paths: [8, 'string', 'list'],
    headers: [9, 'string', 'list'],
    https_redirect_status_code: [10, 'int32'],
    regex_priority: [11, 'int32'],
    strip_path: [12, 'bool'],
    preserve_host: [13, 'bool'],
    snis: [14, 'string', 'list'],
    sources: [15, 'string', 'list'],
    destinations: [16, 'string', 'list'],
    tags: [17, 'string', 'list'],
    service: [18, 'ServiceKey'],
  },
  Service: {
    id: [1, 'string'],
    created_at: [2, 'int64'],
    updated_at: [3, 'int64'],
    name: [4, 'string'],
    retries: [5, 'int32'],
    protocol: [6, 'string'],
    host: [7, 'string'],
    port: [8, 'int32'],
    path: [9, 'string'],
    connect_timeout: [10, 'int32'],
    write_timeout: [11, 'int32'],
    read_timeout: [12, 'int32'],
    tags: [13, 'string', 'list'],
    client_certificate: [14, 'CertificateKey'],
  },
  Target: { host: [1, 'string'], port: [2, 'int32'] },
  ConsumerSpec: { id: [1, 'string'], by_username: [2, 'bool'] },
  Consumer: {
    id: [1, 'string'],
    created_at: [2, 'int64'],
    username: [3, 'string'],
    custom_id: [4, 'string'],
    tags: [5, 'string', 'list'],
  },
  AuthenticatedCredential: { id: [1, 'string'], consumer_id: [2, 'string'] },
};

/** One of the names above. */
export type MessageName = string;

const types = compile();

function compile(): Map<string, Type> {
  const nested: Record<string, object> = {};
  for (const [name, spec] of Object.entries(MESSAGES)) {
    const fields: Record<string, object> = {};
    for (const [field, [id, type, shape]] of Object.entries(spec)) {
      const wire = scalarOf(type)?.wire ?? type;
      if (shape === 'map') {
        const entry = `${name}_${field}`;
        nested[entry] = { fields: { key: { id: 1, type: 'bytes' }, value: { id: 2, type: wire } } };
        fields[field] = { id, type: entry, rule: 'repeated' };
      } else {
        fields[field] = { id, type: wire, ...(shape === 'list' && { rule: 'repeated' }) };
      }
    }
    // A member of a `oneof` is sent even when it is empty, any other empty member is not.
    const members = Object.keys(spec).filter((field) => spec[field]?.[2] === 'oneof');
    nested[name] = { fields, ...(members.length > 0 && { oneofs: { kind: { oneof: members } } }) };
  }
  // Root keeps names as they are given: the snake_case of the protocol.
  const root = Root.fromJSON({ nested });
  return new Map(Object.keys(MESSAGES).map((name) => [name, root.lookupType(name)]));
}

function scalarOf(type: string): { wire: string; absent: LuaValue } | undefined {
  return type in SCALARS ? SCALARS[type as Scalar] : undefined;
}

function messageSpec(name: string): MessageSpec {
  const spec = MESSAGES[name];
  if (!spec) throw new Error(`no protocol message is called ${name}`);
  return spec;
}

/** Members the message does not have are left out, as Kong's codec does. */
export function encode(name: MessageName, message: LuaTable): Buffer {
  const type = types.get(name);
  if (!type) throw new Error(`no protocol message is called ${name}`);
  return bytesOf(type.encode(toWire(name, message)).finish());
}

function toWire(name: string, message: LuaTable): Record<string, unknown> {
  const wire: Record<string, unknown> = {};
  for (const [field, [, type, shape]] of Object.entries(messageSpec(name))) {
    const value = message[field];
    if (value === undefined || value === null) continue;
    if (shape === 'list') wire[field] = (value as LuaValue[]).map((item) => itemToWire(type, item));
    else if (shape === 'map')
      wire[field] = Object.entries(value as LuaTable).map(([key, item]) => ({
        key: bytesOf(key),
        value: itemToWire(type, item),
      }));
    else wire[field] = itemToWire(type, value);
  }
  return wire;
}

function itemToWire(type: string, value: LuaValue): unknown {
  if (!scalarOf(type)) return toWire(type, isTable(value) ? value : {});
  if (type === 'string' || type === 'bytes') return bytesOf(value as string | Uint8Array);
  return value;
}

/**
 * The message with Kong's view of absence: a scalar that was not sent has its zero value, a message or a member of
 * a `oneof` that was not sent is absent. Throws on bytes that are no such message.
 */
export function decode(name: MessageName, bytes: Uint8Array): LuaTable {
  const type = types.get(name);
  if (!type) throw new Error(`no protocol message is called ${name}`);
  return fromWire(name, type.decode(bytes));
}

function fromWire(name: string, wire: Record<string, unknown>): LuaTable {
  const message: LuaTable = {};
  for (const [field, [, type, shape]] of Object.entries(messageSpec(name))) {
    const sent = Object.hasOwn(wire, field) ? wire[field] : undefined;
    if (shape === 'list')
      message[field] = ((sent ?? []) as unknown[]).map((item) => itemFromWire(type, item));
    else if (shape === 'map') message[field] = mapFromWire(type, (sent ?? []) as MapEntry[]);
    else if (sent !== undefined) message[field] = itemFromWire(type, sent);
    else if (shape !== 'oneof' && scalarOf(type)) message[field] = scalarOf(type)?.absent;
  }
  return message;
}

type MapEntry = { key: Uint8Array; value: unknown };

function mapFromWire(type: string, entries: MapEntry[]): LuaTable {
  // No prototype: a header may be called `__proto__`.
  const table = Object.create(null) as LuaTable;
  for (const entry of entries) table[bytesOf(entry.key).toString('latin1')] = itemFromWire(type, entry.value);
  return table;
}

function itemFromWire(type: string, value: unknown): LuaValue {
  if (!scalarOf(type)) return fromWire(type, (value ?? {}) as Record<string, unknown>);
  if (type === 'string') return bytesOf(value as Uint8Array).toString('latin1');
  // With the optional `long` package present protobufjs answers objects.
  if (type === 'int64') return Number(String(value));
  return value as LuaValue;
}

/** A Lua value as google.protobuf.Value, with Kong's oddity that nil is sent as the number 1 of the null enum. */
export function toValue(value: LuaValue): LuaTable {
  if (value === undefined || value === null) return { null_value: 1 };
  if (typeof value === 'boolean') return { bool_value: value };
  if (typeof value === 'number') return { number_value: value };
  if (typeof value === 'string' || value instanceof Uint8Array) return { string_value: value };
  // Lua cannot tell an empty list from an empty table; Kong sends both as a struct.
  if (Array.isArray(value) && value.length > 0) return { list_value: { values: value.map(toValue) } };
  return { struct_value: toStruct(isTable(value) ? value : {}) };
}

export function toStruct(table: LuaTable): LuaTable {
  return {
    fields: Object.fromEntries(Object.entries(table).map(([key, value]) => [key, toValue(value)])),
  };
}

/** google.protobuf.Value as Kong unwraps it: `false` is lost on the way, null becomes the text of the enum's name. */
export function fromValue(value: LuaTable): LuaValue {
  if (isTable(value.list_value)) return fromList(value.list_value);
  if (isTable(value.struct_value)) return fromStruct(value.struct_value);
  if (value.bool_value === true) return true;
  if (value.string_value !== undefined) return value.string_value;
  if (value.number_value !== undefined) return value.number_value;
  if (value.null_value !== undefined) return 'NULL_VALUE';
  return undefined;
}

export function fromList(list: LuaTable): LuaValue[] {
  return (list.values as LuaTable[]).map(fromValue);
}

export function fromStruct(struct: LuaTable): LuaTable {
  const table = Object.create(null) as LuaTable;
  for (const [key, value] of Object.entries(struct.fields as Record<string, LuaTable>)) {
    table[key] = fromValue(value);
  }
  return table;
}

/** Routes, services, consumers and the other seldom used messages, as tables of their fields. */

import { BYTES, VARINT, type ProtoReader, type ProtoWriter, tagOf } from './wire';

export type EntityValue = string | number | boolean | Entity | EntityValue[] | undefined;
export interface Entity {
  [field: string]: EntityValue;
}

interface Field {
  readonly number: number;
  readonly type: 'string' | 'int' | 'bool' | 'map' | MessageFields;
  readonly repeated?: boolean;
}
/** A type alias would have to refer to itself. */
export interface MessageFields {
  readonly [name: string]: Field;
}

const text = (number: number): Field => ({ number, type: 'string' });
const texts = (number: number): Field => ({ number, type: 'string', repeated: true });
const int = (number: number): Field => ({ number, type: 'int' });
const flag = (number: number): Field => ({ number, type: 'bool' });
const nested = (number: number, type: MessageFields): Field => ({ number, type });

export const ROUTE: MessageFields = {
  id: text(1),
  created_at: int(2),
  updated_at: int(3),
  name: text(4),
  protocols: texts(5),
  methods: texts(6),
  hosts: texts(7),
  paths: texts(8),
  headers: texts(9),
  https_redirect_status_code: int(10),
  regex_priority: int(11),
  strip_path: flag(12),
  preserve_host: flag(13),
  snis: texts(14),
  sources: texts(15),
  destinations: texts(16),
  tags: texts(17),
  service: nested(18, { id: text(1) }),
};

export const SERVICE: MessageFields = {
  id: text(1),
  created_at: int(2),
  updated_at: int(3),
  name: text(4),
  retries: int(5),
  protocol: text(6),
  host: text(7),
  port: int(8),
  path: text(9),
  connect_timeout: int(10),
  write_timeout: int(11),
  read_timeout: int(12),
  tags: texts(13),
  client_certificate: nested(14, { id: text(1) }),
};

export const CONSUMER: MessageFields = {
  id: text(1),
  created_at: int(2),
  username: text(3),
  custom_id: text(4),
  tags: texts(5),
};

export const CREDENTIAL: MessageFields = { id: text(1), consumer_id: text(2) };
export const AUTHENTICATE_ARGS: MessageFields = {
  consumer: nested(1, CONSUMER),
  credential: nested(2, CREDENTIAL),
};
export const CONSUMER_SPEC: MessageFields = { id: text(1), by_username: flag(2) };
export const TARGET: MessageFields = { host: text(1), port: int(2) };

const DICT_STATS: MessageFields = { allocated_slabs: int(1), capacity: int(2) };
export const MEMORY_STATS: MessageFields = {
  lua_shared_dicts: nested(1, { kong: nested(1, DICT_STATS), kong_db_cache: nested(2, DICT_STATS) }),
  workers_lua_vms: { number: 2, type: { http_allocated_gc: int(1), pid: int(2) }, repeated: true },
};

export const URI_CAPTURES: MessageFields = { unnamed: texts(1), named: { number: 2, type: 'map' } };

/** Fields that were not sent are absent. */
export function readMessage(reader: ProtoReader, fields: MessageFields): Entity {
  const byTag = fieldsByTag(fields);
  const entity: Entity = {};
  while (reader.more) {
    const tag = reader.tag();
    const entry = byTag.get(tag);
    if (entry === undefined) reader.skip(tag);
    else readField(reader, entity, ...entry);
  }
  return entity;
}

function readField(reader: ProtoReader, entity: Entity, name: string, field: Field): void {
  if (field.type === 'map') {
    const map = (entity[name] ??= Object.create(null) as Entity) as Entity;
    const { key, value } = readMessage(reader.message(), MAP_ENTRY);
    map[typeof key === 'string' ? key : ''] = value ?? '';
    return;
  }
  const value = readScalar(reader, field.type);
  if (field.repeated) ((entity[name] ??= []) as EntityValue[]).push(value);
  else entity[name] = value;
}

function readScalar(reader: ProtoReader, type: Exclude<Field['type'], 'map'>): EntityValue {
  if (type === 'string') return reader.string();
  if (type === 'int') return reader.int();
  if (type === 'bool') return reader.uint() !== 0;
  return readMessage(reader.message(), type);
}

/** Members that are not fields of the message, or undefined or null, are not sent. */
export function writeMessage(writer: ProtoWriter, entity: Readonly<Entity>, fields: MessageFields): void {
  for (const [name, field] of Object.entries(fields)) {
    const value = entity[name];
    if (value === undefined || value === null) continue;
    if (field.repeated && Array.isArray(value)) value.forEach((item) => writeScalar(writer, field, item));
    else writeScalar(writer, field, value);
  }
}

function writeScalar(writer: ProtoWriter, field: Field, value: EntityValue): void {
  const { number, type } = field;
  if (type === 'int') writer.int(tagOf(number, VARINT), Math.trunc(Number(value)) || 0);
  else if (type === 'bool') writer.int(tagOf(number, VARINT), value ? 1 : 0);
  else if (type === 'string')
    writer.string(tagOf(number, BYTES), typeof value === 'object' ? '' : String(value));
  else if (type !== 'map') {
    writer.message(tagOf(number, BYTES), () => writeMessage(writer, value as Entity, type));
  }
}

const MAP_ENTRY: MessageFields = { key: text(1), value: text(2) };
const tagsOfFields = new WeakMap<MessageFields, Map<number, [string, Field]>>();

function fieldsByTag(fields: MessageFields): Map<number, [string, Field]> {
  let byTag = tagsOfFields.get(fields);
  if (byTag === undefined) {
    byTag = new Map(
      Object.entries(fields).map(([name, field]) => {
        const wireType = field.type === 'int' || field.type === 'bool' ? VARINT : BYTES;
        return [tagOf(field.number, wireType), [name, field]];
      }),
    );
    tagsOfFields.set(fields, byTag);
  }
  return byTag;
}

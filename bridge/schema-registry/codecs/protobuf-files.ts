/**
 * The text of `.proto` files -> file descriptors. protobufjs reads the text, and nothing else of it is used: its own JSON
 * takes "x" for an int32, and drops fields that it does not know.
 */
import { create } from '@bufbuild/protobuf';
import {
  DescriptorProtoSchema,
  EnumDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as FieldType,
  FieldDescriptorProtoSchema,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  FileDescriptorProtoSchema,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { common, Enum, MapField, Namespace, parse, Root, Type, type Field } from 'protobufjs';
import { referencesOf, type SchemaText } from '../registered-schema';
import { UnusableSchema } from './codec';

/** Imports that every compiler of Protobuf brings along. */
const WELL_KNOWN: ReadonlyMap<string, FileDescriptorProto> = new Map(
  [
    file_google_protobuf_any,
    file_google_protobuf_duration,
    file_google_protobuf_empty,
    file_google_protobuf_field_mask,
    file_google_protobuf_struct,
    file_google_protobuf_timestamp,
    file_google_protobuf_wrappers,
  ].map(({ proto }) => [proto.name, proto]),
);
/** Imports that only say what options there are; options of a message do not change its bytes. */
const OPTIONS_ONLY =
  /^(google\/protobuf\/descriptor|confluent\/meta|buf\/validate\/.*|google\/api\/.*)\.proto$/;

export const MAIN_FILE = 'schema.proto';

const SYNTAX = /^\s*(?:syntax|edition)\s*=\s*["']([^"']*)["']/;
const COMMENTS = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
/** Names become text of JSON once for every byte that stands for them. */
const MAX_NAME_LENGTH = 256;

export interface ProtobufFiles {
  readonly main: FileDescriptorProto;
  readonly imported: ReadonlyMap<string, FileDescriptorProto>;
}

/** @throws UnusableSchema */
export function protobufFiles(schema: SchemaText): ProtobufFiles {
  const sources = [
    ...referencesOf(schema).map(({ name, schema: { text } }) => ({ name, text })),
    { name: MAIN_FILE, text: schema.text },
  ];
  const root = new Root();
  const imports = sources.map(({ name, text }) => {
    try {
      // Its types do not tell that objects get the name of their file from here.
      Object.assign(parse, { filename: name });
      const { imports: all = [] } = parse(text, root, { keepCase: true });
      return all.filter((imported) => !OPTIONS_ONLY.test(imported));
    } catch {
      // Its own error quotes the text.
      throw new UnusableSchema('it is no Protobuf that can be read');
    }
  });
  const known = new Set(sources.map(({ name }) => name));
  for (const imported of imports.flat()) {
    if (known.has(imported)) continue;
    const definition = WELL_KNOWN.has(imported) ? common.get(imported) : null;
    if (!definition) throw new UnusableSchema('it imports a file that is not among its references');
    known.add(imported);
    root.addJSON(definition.nested ?? {});
  }
  try {
    root.resolveAll();
  } catch {
    throw new UnusableSchema('it names a type that is neither in it nor among its references');
  }
  const files = new Map(
    sources.map(({ name, text }, index) => [name, fileOf(root, name, text, imports[index] ?? [])]),
  );
  const main = files.get(MAIN_FILE);
  if (!main) throw new UnusableSchema('it is empty');
  return { main, imported: new Map([...WELL_KNOWN, ...files]) };
}

function fileOf(root: Root, name: string, text: string, dependency: string[]): FileDescriptorProto {
  const syntax = SYNTAX.exec(text.replace(COMMENTS, ' '))?.[1] ?? 'proto2';
  if (syntax !== 'proto2' && syntax !== 'proto3')
    throw new UnusableSchema('its syntax is neither proto2 nor proto3');
  const file = create(FileDescriptorProtoSchema, { name, syntax, dependency });
  const visit = (namespace: Namespace): void => {
    for (const object of namespace.nestedArray) {
      if (object instanceof Type) {
        if (object.filename !== name) continue;
        file.package = namespace.fullName.replace(/^\./, '');
        file.messageType.push(messageOf(object));
      } else if (object instanceof Enum) {
        if (object.filename !== name) continue;
        file.package = namespace.fullName.replace(/^\./, '');
        file.enumType.push(enumOf(object));
      } else if (object instanceof Namespace) visit(object);
    }
  };
  visit(root);
  return file;
}

function messageOf(type: Type): DescriptorProto {
  const message = create(DescriptorProtoSchema, { name: nameOf(type) });
  for (const nested of type.nestedArray) {
    if (nested instanceof Type) message.nestedType.push(messageOf(nested));
    else if (nested instanceof Enum) message.enumType.push(enumOf(nested));
  }
  // Oneofs of one optional field come last, as they do from every compiler.
  const oneofs = [...type.oneofsArray].sort(
    (one, other) => Number(one.isProto3Optional) - Number(other.isProto3Optional),
  );
  message.oneofDecl = oneofs.map(({ name }) => ({ $typeName: 'google.protobuf.OneofDescriptorProto', name }));
  for (const field of type.fieldsArray) {
    const described = fieldOf(field);
    const oneof = field.partOf;
    if (oneof) {
      described.oneofIndex = oneofs.indexOf(oneof);
      described.proto3Optional = oneof.isProto3Optional;
    }
    if (field instanceof MapField) {
      const entry = entryOf(field);
      message.nestedType.push(entry);
      Object.assign(described, messageType(`${type.fullName}.${entry.name}`), { label: Label.REPEATED });
    }
    message.field.push(described);
  }
  return message;
}

/** What a map really is: a repeated message of a key and a value. */
function entryOf(field: MapField): DescriptorProto {
  const name = `${camelCase(`_${field.name}`)}Entry`;
  const key = create(FieldDescriptorProtoSchema, { name: 'key', jsonName: 'key', number: 1, label: Label.OPTIONAL, type: scalarType(field.keyType) }); // prettier-ignore
  const value = create(FieldDescriptorProtoSchema, { name: 'value', jsonName: 'value', number: 2, label: Label.OPTIONAL, ...typeOf(field) }); // prettier-ignore
  return create(DescriptorProtoSchema, { name, field: [key, value], options: { mapEntry: true } });
}

function fieldOf(field: Field): FieldDescriptorProto {
  const options = field.options ?? {};
  const jsonName: unknown = options['json_name'];
  const packed: unknown = options['packed'];
  return create(FieldDescriptorProtoSchema, {
    name: nameOf(field),
    jsonName: typeof jsonName === 'string' ? jsonName : camelCase(field.name),
    number: field.id,
    label: field.repeated ? Label.REPEATED : field.required ? Label.REQUIRED : Label.OPTIONAL,
    ...typeOf(field),
    // A group: its bytes lie between two tags.
    ...(field.delimited && { type: FieldType.GROUP }),
    ...(typeof packed === 'boolean' && { options: { packed } }),
  });
}

function typeOf({
  resolvedType,
  type,
}: Pick<Field, 'resolvedType' | 'type'>): Pick<FieldDescriptorProto, 'type' | 'typeName'> {
  if (resolvedType instanceof Enum) return { type: FieldType.ENUM, typeName: resolvedType.fullName };
  if (!resolvedType) return { type: scalarType(type), typeName: '' };
  return messageType(resolvedType.fullName);
}

function messageType(typeName: string): Pick<FieldDescriptorProto, 'type' | 'typeName'> {
  return { type: FieldType.MESSAGE, typeName };
}

function scalarType(name: string): FieldType {
  return FieldType[name.toUpperCase() as keyof typeof FieldType];
}

function enumOf(type: Enum): EnumDescriptorProto {
  return create(EnumDescriptorProtoSchema, {
    name: nameOf(type),
    value: Object.entries(type.values).map(([name, number]) => {
      if (name.length > MAX_NAME_LENGTH) throw tooLong();
      return { name, number };
    }),
    options: { allowAlias: true },
  });
}

function nameOf({ name }: { name: string }): string {
  if (name.length > MAX_NAME_LENGTH) throw tooLong();
  return name;
}

function tooLong(): UnusableSchema {
  return new UnusableSchema(`one of its names has more than ${MAX_NAME_LENGTH} characters`);
}

/** As protoc derives names of JSON. */
function camelCase(name: string): string {
  return name.replace(/_+(.?)/g, (_, letter: string) => letter.toUpperCase());
}

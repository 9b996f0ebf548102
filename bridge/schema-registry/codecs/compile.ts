/** A schema of the registry -> its codec. What reads and writes a type is loaded when the first schema of it comes. */
import type { RegisteredSchema } from '../registered-schema';
import { UnusableSchema, type Codec } from './codec';
import type { PayloadEncoding } from '../payload-encoding';

export interface CodecOptions {
  /** For Avro. */
  readonly encoding: PayloadEncoding;
  /** For Protobuf, and only to write: full name of the message. Undefined: the first of the file. */
  readonly messageName: string | undefined;
}

/** @throws UnusableSchema */
export async function compileCodec(
  schema: RegisteredSchema,
  { encoding, messageName }: CodecOptions,
): Promise<Codec> {
  try {
    switch (schema.type) {
      case 'AVRO': {
        const { avroCodec } = await import('./avro.js');
        return avroCodec(schema, encoding);
      }
      case 'JSON': {
        const { jsonSchemaCodec } = await import('./json-schema.js');
        return jsonSchemaCodec(schema);
      }
      case 'PROTOBUF': {
        const { protobufCodec } = await import('./protobuf.js');
        return protobufCodec(schema, messageName);
      }
    }
  } catch (error) {
    // Whoever nests a schema without end means the stack of its parser.
    if (error instanceof RangeError) throw new UnusableSchema('it is nested too deep');
    throw error;
  }
}

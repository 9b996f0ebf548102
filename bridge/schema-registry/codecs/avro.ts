/**
 * Avro.
 *
 * `avro_json` is the JSON of the Avro specification: unions as `{"string":"a"}`, bytes as text with characters up to
 * U+00FF, logical types as the numbers they are. `simple_json` is what people write: unions without a tag (the first
 * type that fits), bytes as base64, dates and times as in RFC 3339, decimals as text.
 */
import type { SchemaText } from '../registered-schema';
import { avroDecoder } from './avro-decoder';
import { avroEncoder, type AvroForm } from './avro-encoder';
import { parseAvroSchema } from './avro-schema';
import type { Codec } from './codec';
import type { PayloadEncoding } from '../payload-encoding';
import { exactValue } from './exact-json';

const FORMS: Readonly<Record<PayloadEncoding, AvroForm>> = {
  avro_json: { tagged: true, plain: false },
  simple_json: { tagged: false, plain: true },
};

/** @throws UnusableSchema */
export function avroCodec(schema: SchemaText, encoding: PayloadEncoding): Codec {
  const type = parseAvroSchema(schema);
  const form = FORMS[encoding];
  const encode = avroEncoder(type, form);
  const decode = avroDecoder(type, form);
  return { encode: (json) => encode(exactValue(json), json.text.length), decode };
}

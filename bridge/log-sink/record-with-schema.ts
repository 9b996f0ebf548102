/** A record in JSON -> the same in the bytes of its schemas. */
import { GatewayError } from '../errors';
import { isDeeperThan, MAX_JSON_DEPTH } from '../json-depth';
import type { OutgoingRecord } from '../kafka/records';
import type { RequestSchemas } from '../schema-registry/request-schemas';

/** Only when the schemas are ready. @throws GatewayError schema_mismatch, request_invalid */
export function recordWithSchema(record: OutgoingRecord, schemas: RequestSchemas): OutgoingRecord {
  const { topic, value, key } = record;
  return {
    ...record,
    ...(schemas.writesValues && value && { value: schemas.value(topic, parsed(value)).bytes }),
    ...(schemas.writesKeys && typeof key === 'string' && { key: schemas.key(topic, key) }),
  };
}

function parsed(bytes: Buffer): { text: string; value: unknown } {
  const text = bytes.toString();
  if (!isDeeperThan(bytes, MAX_JSON_DEPTH)) {
    try {
      return { text, value: JSON.parse(text) as unknown };
    } catch {
      // Its own error quotes the entry.
    }
  }
  throw new GatewayError('request_invalid', 'the entry is no JSON, or nested too deep');
}

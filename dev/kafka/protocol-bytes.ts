/** Numbers and texts as Kafka's protocol writes them: numbers big-endian, a text behind its length. */
export { int16, int32, int8, text } from '../../cli/kafka-protocol/bytes';

export function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

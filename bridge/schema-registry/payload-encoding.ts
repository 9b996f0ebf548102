/** How Avro, and the bytes in it, look as JSON. */
export const PAYLOAD_ENCODINGS = ['avro_json', 'simple_json'] as const;
export type PayloadEncoding = (typeof PAYLOAD_ENCODINGS)[number];

/** How the correlation id crosses from the producer's process to the consumer's: text in `kong.ctx.shared`. */
export const SHARED_CORRELATION_ID = 'custom_kafka_correlation_id';

/** From the client library's errors to ours. Total: what is not known is `produce_failed`. */
import { GatewayError } from '../errors';
import { isNativeError } from './binding';
import type { NativeError } from './binding';

/** The few codes of librdkafka that decide something here; all others keep their text. */
export const NATIVE_CODE = {
  unknown: -1,
  queueFull: -184,
  unknownPartition: -190,
  notConnected: -172,
  fatal: -150,
  messageTooLarge: 10,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
} as const;

/** For what `produce` throws: the record was never accepted. Codes are real here. */
export function refusedRecord(topic: string, error: unknown): GatewayError {
  const code = isNativeError(error) ? error.code : NATIVE_CODE.unknown;
  const text = error instanceof Error ? error.message : 'unknown error';
  switch (code) {
    case NATIVE_CODE.queueFull:
      return new GatewayError(
        'overloaded',
        `The queue of the Kafka client is full; record for ${topic} refused.`,
      );
    case NATIVE_CODE.messageTooLarge:
      return new GatewayError(
        'request_too_large',
        `The record for ${topic} is larger than the Kafka client accepts.`,
        { reason: 'the record is larger than the Kafka client accepts' },
      );
    case NATIVE_CODE.notConnected:
    case NATIVE_CODE.fatal:
      return new GatewayError('not_ready', `The Kafka client is being replaced: ${text}.`, { cause: error });
    default:
      return new GatewayError('produce_failed', `Record for ${topic} refused: ${text}.`, { cause: error });
  }
}

/** For delivery reports. They carry no code, only librdkafka's fixed texts. */
export function failedDelivery(topic: string, error: NativeError): GatewayError {
  const text = error.message.toLowerCase();
  if (text.includes('message timed out')) {
    return new GatewayError('produce_timeout', `No broker confirmed the record for ${topic} in time.`, {
      cause: error,
    });
  }
  if (text.includes('message size too large')) {
    return new GatewayError('request_too_large', `The broker refused the record for ${topic} as too large.`, {
      cause: error,
      reason: "the record is larger than the broker's limit",
    });
  }
  return new GatewayError('produce_failed', `The broker refused the record for ${topic}: ${error.message}.`, {
    cause: error,
  });
}

/** For records whose client went away: they may have been written. */
export function unknownOutcome(topic: string, why: string): GatewayError {
  return new GatewayError(
    'produce_timeout',
    `Whether the record for ${topic} was written is not known: ${why}.`,
  );
}

/**
 * Users and permissions of a running broker, in Kafka's own protocol: what Kafka's command-line tools do takes a Java
 * start for each change, and this takes milliseconds.
 */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { askBroker } from './ask-broker';
import { int32, int8, text } from './protocol-bytes';

const CREATE_ACLS = 30;
const DELETE_ACLS = 31;
const ALTER_SCRAM = 51;

const TOPIC = 2;
const LITERAL = 3;
const ALLOW = 3;
const OPERATIONS = { read: 3, write: 4, create: 5, describe: 8 } as const;
const SCRAM = {
  'SCRAM-SHA-256': { code: 1, hash: 'sha256', bytes: 32 },
  'SCRAM-SHA-512': { code: 2, hash: 'sha512', bytes: 64 },
} as const;
/** The least Kafka takes. */
const ITERATIONS = 4096;

export interface TopicPermission {
  readonly user: string;
  readonly topic: string;
  readonly operation: keyof typeof OPERATIONS;
}

/** @param port of a listener without security, whose user may do everything */
export async function grant(port: number, { user, topic, operation }: TopicPermission): Promise<void> {
  const body = [int32(1), int8(TOPIC), text(topic), int8(LITERAL), text(`User:${user}`), text('*'), int8(OPERATIONS[operation]), int8(ALLOW)]; // prettier-ignore
  checkFirst(await askBroker(port, CREATE_ACLS, 1, Buffer.concat(body)));
}

export async function revoke(port: number, { user, topic, operation }: TopicPermission): Promise<void> {
  const body = [int32(1), int8(TOPIC), text(topic), int8(LITERAL), text(`User:${user}`), text('*'), int8(OPERATIONS[operation]), int8(ALLOW)]; // prettier-ignore
  checkFirst(await askBroker(port, DELETE_ACLS, 1, Buffer.concat(body)));
}

/** Creates the user, or gives it another password. Connections that are open stay open. */
export async function setScramPassword(
  port: number,
  user: string,
  password: string,
  mechanism: keyof typeof SCRAM = 'SCRAM-SHA-512',
): Promise<void> {
  const { code, hash, bytes } = SCRAM[mechanism];
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, ITERATIONS, bytes, hash);
  // This request has the compact form: lengths plus one, and an empty list of tags (0) behind every structure.
  const none = int8(1);
  const one = int8(2);
  const noTags = int8(0);
  const upsertion = [compact(Buffer.from(user)), int8(code), int32(ITERATIONS), compact(salt), compact(salted), noTags]; // prettier-ignore
  const answer = await askBroker(
    port,
    ALTER_SCRAM,
    0,
    Buffer.concat([noTags, none, one, ...upsertion, noTags]),
  );
  // Tags of the header, throttle time, count, user, error code.
  const userLength = answer.readUInt8(6) - 1;
  const error = answer.readInt16BE(7 + userLength);
  if (error !== 0) throw new Error(`Kafka does not set the password of ${user}: error ${error}.`);
}

/** Throttle time, count, then the first result with its error code. */
function checkFirst(answer: Buffer): void {
  const error = answer.readInt16BE(8);
  if (error !== 0) throw new Error(`Kafka does not change permissions: error ${error}.`);
}

/** Up to 126 bytes: longer ones have a length of several bytes. */
function compact(bytes: Buffer): Buffer {
  return Buffer.concat([int8(bytes.length + 1), bytes]);
}

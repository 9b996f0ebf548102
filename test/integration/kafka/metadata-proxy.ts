/**
 * A TCP proxy before a real broker that can answer Metadata requests itself: with no brokers at all, as a broker does
 * for some ten milliseconds while it shuts down. That answer is what leaves librdkafka with an empty broker list. It can
 * also take the leaders away from topics, as when the brokers that have their data are gone.
 *
 * To keep the answer simple it caps the Metadata version that clients may use at 4, the last fixed-size encoding we
 * need; it does so by patching the broker's ApiVersions response. Everything else passes untouched.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { int16, int32 } from '../../../dev/kafka/protocol-bytes';

const FETCH = 1;
const METADATA = 3;
const API_VERSIONS = 18;
const METADATA_VERSION = 4;
const LEADER_NOT_AVAILABLE = 5;
/** Per API in an ApiVersions v3 response: key, lowest and highest version, and an empty tag section. */
const API_ENTRY_BYTES = 7;

export class MetadataProxy {
  /** How many answers without brokers were given. */
  emptyAnswers = 0;
  /** Clients with this client id get answers without brokers; none while undefined. */
  victim: string | undefined;
  /** Whoever asks for records is cut off: readers get nothing, and producers go on. */
  refusesReads = false;
  /** Topics whose partitions, all or those listed, are told to have no leader. */
  readonly leaderless = new Map<string, 'all' | readonly number[]>();
  readonly #server = createServer((client) => this.#serve(client));
  readonly #sockets = new Set<Socket>();
  readonly #brokerPort: number;

  constructor(brokerPort: number) {
    this.#brokerPort = brokerPort;
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(client: Socket): void {
    const broker = connect(this.#brokerPort, '127.0.0.1');
    const versionRequests = new Set<number>();
    const metadataRequests = new Set<number>();
    for (const [socket, peer] of [
      [client, broker],
      [broker, client],
    ] as const) {
      // prettier-ignore
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        peer.destroy();
      });
    }
    onFrames(client, (frame) => {
      const request = readRequest(frame);
      if (request.api === FETCH && this.refusesReads) {
        client.destroy();
        return;
      }
      if (request.api === API_VERSIONS) versionRequests.add(request.correlation);
      if (request.api === METADATA && request.clientId === this.victim && request.topics.length > 0) {
        this.emptyAnswers++;
        client.write(withLength(answerWithoutBrokers(request.correlation, request.topics)));
      } else {
        if (request.api === METADATA) metadataRequests.add(request.correlation);
        broker.write(withLength(frame));
      }
    });
    onFrames(broker, (frame) => {
      const correlation = frame.readInt32BE(0);
      if (versionRequests.delete(correlation)) capMetadataVersion(frame);
      if (metadataRequests.delete(correlation)) this.#takeLeaders(frame);
      client.write(withLength(frame));
    });
  }

  /** In a Metadata response v4. */
  #takeLeaders(frame: Buffer): void {
    const cursor = new Cursor(frame);
    cursor.skip(4 + 4); // correlation id, throttle time
    for (let brokers = cursor.int32(); brokers > 0; brokers--) {
      cursor.skip(4); // node id
      cursor.text();
      cursor.skip(4); // port
      cursor.text(); // rack
    }
    cursor.text(); // cluster id
    cursor.skip(4); // controller
    for (let topics = cursor.int32(); topics > 0; topics--) {
      cursor.skip(2); // error
      const victims = this.leaderless.get(cursor.text());
      cursor.skip(1); // internal
      for (let partitions = cursor.int32(); partitions > 0; partitions--) {
        const partitionAt = cursor.at;
        cursor.skip(2); // error
        const partition = cursor.int32();
        cursor.skip(4); // leader
        cursor.skip(4 * cursor.int32()); // replicas
        cursor.skip(4 * cursor.int32()); // replicas in sync
        if (victims === undefined || (victims !== 'all' && !victims.includes(partition))) continue;
        frame.writeInt16BE(LEADER_NOT_AVAILABLE, partitionAt);
        frame.writeInt32BE(-1, partitionAt + 6);
      }
    }
  }
}

/** Reads one value after the other, big-endian as everything in Kafka's protocol. */
class Cursor {
  at = 0;

  constructor(private readonly frame: Buffer) {}

  skip(bytes: number): void {
    this.at += bytes;
  }

  int32(): number {
    return this.frame.readInt32BE((this.at += 4) - 4);
  }

  /** Null as an empty text. */
  text(): string {
    const bytes = Math.max(this.frame.readInt16BE((this.at += 2) - 2), 0);
    return this.frame.toString('utf8', this.at, (this.at += bytes));
  }
}

interface Request {
  readonly api: number;
  readonly correlation: number;
  readonly clientId: string;
  /** Of a Metadata request. */
  readonly topics: readonly string[];
}

function readRequest(frame: Buffer): Request {
  const api = frame.readInt16BE(0);
  const correlation = frame.readInt32BE(4);
  const clientIdBytes = Math.max(frame.readInt16BE(8), 0);
  const clientId = frame.toString('utf8', 10, 10 + clientIdBytes);
  const topics: string[] = [];
  if (api === METADATA) {
    let at = 10 + clientIdBytes;
    const count = frame.readInt32BE(at);
    at += 4;
    for (let i = 0; i < count; i++) {
      const bytes = frame.readInt16BE(at);
      topics.push(frame.toString('utf8', at + 2, at + 2 + bytes));
      at += 2 + bytes;
    }
  }
  return { api, correlation, clientId, topics };
}

/** Metadata response v4: no brokers, no controller, and each topic with one partition that has no leader. */
function answerWithoutBrokers(correlation: number, topics: readonly string[]): Buffer {
  const parts = [int32(correlation), int32(0), int32(0), int16(-1), int32(-1), int32(topics.length)];
  for (const topic of topics) {
    parts.push(int16(0), int16(Buffer.byteLength(topic)), Buffer.from(topic), Buffer.from([0]), int32(1));
    parts.push(int16(LEADER_NOT_AVAILABLE), int32(0), int32(-1), int32(0), int32(0));
  }
  return Buffer.concat(parts);
}

function capMetadataVersion(frame: Buffer): void {
  // Correlation id, error code, then the number of APIs plus one as a varint of one byte (two from 127 APIs on).
  const first = 6 + ((frame[6] ?? 0) & 0x80 ? 2 : 1);
  for (let at = first; at + API_ENTRY_BYTES <= frame.length; at += API_ENTRY_BYTES) {
    if (frame.readInt16BE(at) !== METADATA) continue;
    frame.writeInt16BE(METADATA_VERSION, at + 4);
    return;
  }
}

function onFrames(socket: Socket, onFrame: (frame: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
      const end = 4 + pending.readInt32BE(0);
      onFrame(Buffer.from(pending.subarray(4, end)));
      pending = pending.subarray(end);
    }
  });
}

function withLength(frame: Buffer): Buffer {
  return Buffer.concat([int32(frame.length), frame]);
}

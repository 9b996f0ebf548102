/**
 * One connection to a broker in Kafka's own protocol, for the questions that the client library has no calls for: what a
 * topic is set to, and what one may do with it. The library logs in by itself; this does it a second time, in plain code,
 * with the same options. A client of Node's own kind would be a dozen packages for two requests.
 */
import { once } from 'node:events';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, SaslOptions, TlsOptions } from '../../bridge/kafka/connection';
import { fetchOauthToken } from '../../bridge/kafka/oauth-token';
import { AnswerReader, bytes, int16, int32, text } from './bytes';
import { ScramClient } from './scram';

export interface BrokerConnection {
  /** @returns the answer behind its header */
  ask(api: number, version: number, body: Buffer): Promise<AnswerReader>;
  close(): void;
}

const CLIENT_ID = 'kong-kafka';
const CONNECT_LIMIT_MS = 5000;
const ANSWER_LIMIT_MS = 10_000;
/** A thousand topics of a thousand partitions. */
const MOST_BYTES = 128 * 1024 * 1024;

/** To the first broker that takes it. @throws Error with the reason of the last one */
export async function connectBroker(
  options: ConnectionOptions,
  signal: AbortSignal,
): Promise<BrokerConnection> {
  let failure = new Error('no broker is named');
  for (const server of options.bootstrapServers) {
    try {
      return await connectTo(server, options, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      failure = new Error(`${server}: ${(error as Error).message}`, { cause: error });
    }
  }
  throw failure;
}

async function connectTo(
  server: string,
  { sasl, tls }: ConnectionOptions,
  signal: AbortSignal,
): Promise<BrokerConnection> {
  const [, bracketed, name, port] = /^(?:\[(.*)\]|(.*)):(\d+)$/.exec(server) ?? [];
  const socket = await opened(bracketed ?? name ?? '', Number(port), tls, signal);
  const broker = new Broker(socket, signal);
  try {
    if (sasl) await logIn(broker, sasl);
    return broker;
  } catch (error) {
    broker.close();
    throw error;
  }
}

async function opened(
  host: string,
  port: number,
  tls: TlsOptions | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = tls ? connectTls({ host, port, ...tlsSettings(host, tls) }) : connectPlain({ host, port });
  const limit = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_LIMIT_MS)]);
  try {
    await once(socket, tls ? 'secureConnect' : 'connect', { signal: limit });
    return socket;
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    throw new Error(limit.aborted ? 'connecting timed out' : reasonOf(error as NodeJS.ErrnoException), {
      cause: error,
    });
  }
}

function tlsSettings(host: string, { verify, caPem, certificatePem, keyPem, keyPassword }: TlsOptions) {
  return {
    rejectUnauthorized: verify,
    ...(isIP(host) === 0 && { servername: host }),
    ...(caPem !== undefined && { ca: caPem }),
    ...(certificatePem !== undefined && { cert: certificatePem }),
    ...(keyPem !== undefined && { key: keyPem }),
    ...(keyPassword !== undefined && { passphrase: keyPassword }),
  };
}

/** In the words that status/advice.ts knows. */
function reasonOf({ code = '', message }: NodeJS.ErrnoException): string {
  if (/CERT|ALTNAME|SELF_SIGNED|UNABLE_TO/.test(code))
    return `the broker's certificate is not trusted, has expired or is for another host (${code})`;
  if (/alert (bad certificate|certificate required|unknown ca|certificate expired)/i.test(message))
    return 'the broker does not accept the client certificate, or misses one';
  if (/wrong version number|packet length too long/i.test(message))
    return 'wrong version number of TLS: the listener speaks none';
  // An attempt at several addresses has an empty message.
  return message || code || 'unknown reason';
}

class Broker implements BrokerConnection {
  readonly #socket: Socket;
  readonly #signal: AbortSignal;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #lastId = 0;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
    const failed = (reason: string) => () => {
      this.#failure ??= new Error(reason);
      this.#wake();
    };
    socket.on('data', (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#receivedBytes += chunk.length;
      this.#wake();
    });
    socket.on('error', (error) => failed(reasonOf(error))());
    socket.on('close', failed('the broker closed the connection: does its listener want TLS or a login?'));
  }

  async ask(api: number, version: number, body: Buffer): Promise<AnswerReader> {
    const id = ++this.#lastId;
    const request = Buffer.concat([int16(api), int16(version), int32(id), text(CLIENT_ID), body]);
    this.#socket.write(Buffer.concat([int32(request.length), request]));
    const limit = AbortSignal.any([this.#signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]);
    const stop = () => this.#wake();
    limit.addEventListener('abort', stop);
    try {
      const answer = await this.#frame(limit);
      if (answer.length < 4 || answer.readInt32BE(0) !== id)
        throw new Error('the answer is not one of a Kafka broker');
      return new AnswerReader(answer.subarray(4));
    } finally {
      limit.removeEventListener('abort', stop);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  async #frame(limit: AbortSignal): Promise<Buffer> {
    for (;;) {
      const length = this.#announced();
      if (length !== undefined && this.#receivedBytes >= 4 + length) {
        const all = Buffer.concat(this.#received);
        this.#received = [all.subarray(4 + length)];
        this.#receivedBytes = all.length - 4 - length;
        return all.subarray(4, 4 + length);
      }
      if (this.#failure) throw this.#failure;
      if (limit.aborted) throw new Error('the broker timed out');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #announced(): number | undefined {
    if (this.#receivedBytes < 4) return undefined;
    // The first four bytes may be in two chunks.
    if (this.#received[0]!.length < 4) this.#received = [Buffer.concat(this.#received)];
    const length = this.#received[0]!.readInt32BE(0);
    if (length < 0 || length > MOST_BYTES) throw new Error('the answer is not one of a Kafka broker');
    return length;
  }
}

const SASL_HANDSHAKE = 17;
const SASL_AUTHENTICATE = 36;

async function logIn(broker: BrokerConnection, sasl: SaslOptions): Promise<void> {
  const handshake = await broker.ask(SASL_HANDSHAKE, 1, text(sasl.mechanism));
  if (handshake.int16() !== 0) {
    const offered = handshake.array(() => handshake.text() ?? '');
    throw new Error(`mechanism handshake failed: the listener takes ${offered.join(', ') || 'no login'}, not ${sasl.mechanism}`); // prettier-ignore
  }
  const say = async (message: string): Promise<string> => {
    const answer = await broker.ask(SASL_AUTHENTICATE, 0, bytes(Buffer.from(message)));
    const [error, reason] = [answer.int16(), answer.text()];
    if (error !== 0) throw new Error(`SASL authentication error: ${reason ?? `code ${error}`}`);
    return answer.bytes().toString();
  };
  switch (sasl.mechanism) {
    case 'PLAIN':
      await say(`\0${sasl.user}\0${sasl.password}`);
      return;
    case 'OAUTHBEARER': {
      const refusal = await say(`n,,\x01auth=Bearer ${(await fetchOauthToken(sasl.oauth)).value}\x01\x01`);
      if (refusal !== '') throw new Error('SASL authentication error: the token is refused (invalid_token)');
      return;
    }
    default: {
      const { mechanism, user, password } = sasl;
      const client = new ScramClient(mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512', user, password);
      client.verify(await say(await client.final(await say(client.first))));
    }
  }
}

/** A schema registry of some lines that does as it is told: schemas by id, subject and GUID, and every kind of trouble. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface StubSchema {
  readonly schema: string;
  readonly schemaType?: 'AVRO' | 'JSON' | 'PROTOBUF';
  readonly references?: readonly { name: string; subject: string; version: number }[];
}

export class StubRegistry {
  /** What was asked, in order, as `GET /path`. */
  readonly asked: string[] = [];
  /** Headers of the last question. */
  lastHeaders: IncomingMessage['headers'] = {};
  /** Instead of an answer; returning false lets the stub answer. */
  trouble: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  readonly #byId = new Map<number, StubSchema>();
  readonly #subjects = new Map<string, { readonly id: number; readonly schema: StubSchema }[]>();
  readonly #guids = new Map<string, number>();
  readonly #server;
  #port: number;

  private constructor(
    private readonly tls: ServerOptions | undefined,
    private readonly host: string,
    port: number,
  ) {
    this.#port = port;
    const listener: RequestListener = (request, response) => this.#answer(request, response);
    this.#server = tls ? createSecureServer(tls, listener) : createServer(listener);
  }

  /** On any free port of this machine, unless told otherwise. */
  static async start(tls?: ServerOptions, host = '127.0.0.1', port = 0): Promise<StubRegistry> {
    const stub = new StubRegistry(tls, host, port);
    await stub.listen();
    return stub;
  }

  get url(): string {
    return `${this.tls ? 'https' : 'http'}://${this.host}:${this.#port}`;
  }

  /** On the same port as before, where there was one. */
  async listen(): Promise<void> {
    this.#server.listen(this.#port, this.host);
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  /** @returns its id */
  add(id: number, schema: StubSchema, { subject, guid }: { subject?: string; guid?: string } = {}): number {
    this.#byId.set(id, schema);
    if (guid !== undefined) this.#guids.set(guid, id);
    if (subject !== undefined) {
      this.#subjects.set(subject, [...(this.#subjects.get(subject) ?? []), { id, schema }]);
    }
    return id;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.asked.push(`${request.method} ${request.url}`);
    this.lastHeaders = request.headers;
    if (this.trouble?.(request, response)) return;
    const send = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const found = this.#find(request.url ?? '');
    if (found) send(200, found);
    else send(404, { error_code: 40403, message: 'not found' });
  }

  #find(url: string): object | undefined {
    const [, kind, name = '', , which] = url.split('/').map(decodeURIComponent);
    if (kind === 'schemas') {
      const [, , , key = ''] = url.split('/');
      const id = name === 'guids' ? this.#guids.get(key) : Number(key);
      return id === undefined ? undefined : this.#byId.get(id);
    }
    const versions = this.#subjects.get(name);
    const at = which === 'latest' ? (versions?.length ?? 0) : Number(which);
    const version = versions?.[at - 1];
    return version && { subject: name, id: version.id, version: at, ...version.schema };
  }
}

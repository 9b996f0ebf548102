import type { Kong, KongService } from '../../bridge/kong';

export interface FakeRequest {
  requestId?: string;
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: Buffer | string;
  /** Path and query as the client sent them. */
  uri?: string;
  captures?: Record<string, string>;
  consumer?: { id?: string; username?: string; custom_id?: string };
  route?: { id?: string; name?: string };
  service?: KongService;
  /** Of the log phase. */
  entry?: string;
}

/** One event of one request: `exits` has what the client would get. */
export class FakeKong implements Kong {
  readonly exits: { status: number; body: Buffer; headers: Record<string, string | string[]> }[] = [];
  readonly shared: Map<string, string>;
  readonly upstreamHeaders = new Map<string, string>();
  readonly errorLog: string[] = [];
  /** `ngx.ctx`, and what goes into the entries of log plugins. */
  readonly context = new Map<string, object>();
  readonly logEntry = new Map<string, object>();
  contextCalls = 0;
  /** What was asked of the request, in order. */
  readonly reads: string[] = [];
  readonly #given: FakeRequest;
  readonly #whenOver: (() => void)[] = [];

  /** @param shared pass the map of the event before, as Kong does within a request */
  constructor(given: FakeRequest = {}, shared = new Map<string, string>()) {
    this.#given = given;
    this.shared = shared;
  }

  onOver(callback: () => void): void {
    this.#whenOver.push(callback);
  }

  /** Kong closes the connection of the event. */
  disconnect(): void {
    for (const callback of this.#whenOver) callback();
  }

  /** The JSON of the only answer. */
  get answer(): { status: number; json: Record<string, unknown> } {
    const [exit, ...more] = this.exits;
    if (!exit || more.length > 0) throw new Error(`${this.exits.length} answers instead of one`);
    return { status: exit.status, json: JSON.parse(exit.body.toString()) as Record<string, unknown> };
  }

  #read<T>(name: string, value: T): Promise<T> {
    this.reads.push(name);
    return Promise.resolve(value);
  }

  readonly request = {
    getMethod: () => this.#read('getMethod', this.#given.method ?? 'POST'),
    getHeaders: () => this.#read('getHeaders', this.#given.headers ?? {}),
    getRawBody: (max: number) =>
      this.#read(`getRawBody(${max})`, Buffer.from((this.#given.body ?? '') as string)),
    getRawQuery: () => this.#read('getRawQuery', this.#given.uri?.split('?')[1] ?? ''),
    getForwardedScheme: () => this.#read('getForwardedScheme', 'https'),
    getUriCaptures: () => this.#read('getUriCaptures', { named: this.#given.captures ?? {} }),
  };
  readonly client = { getConsumer: () => this.#read('getConsumer', this.#given.consumer) };
  readonly router = {
    getRoute: () => this.#read('getRoute', this.#given.route),
    getService: () => this.#read('getService', this.#given.service),
  };
  readonly nginx = {
    getVar: (name: string) =>
      this.#read(
        name,
        name === 'kong_request_id'
          ? (this.#given.requestId ?? 'r1')
          : name === 'request_uri'
            ? (this.#given.uri ?? '/')
            : undefined,
      ),
    setCtx: (key: string, value: object) => {
      this.context.set(key, value);
      this.contextCalls++;
      return Promise.resolve();
    },
  };
  readonly ctx = {
    shared: {
      get: (key: string) => Promise.resolve(this.shared.get(key)),
      set: (key: string, value: string) => {
        this.shared.set(key, value);
        return Promise.resolve();
      },
    },
  };
  /** What was changed of the way to the upstream, by the last part of its name. */
  readonly upstream = new Map<string, string>();
  #change(name: string, value: string): Promise<void> {
    this.upstream.set(name, value);
    return Promise.resolve();
  }
  readonly service = {
    setTarget: (host: string, port: number) => this.#change('target', `${host}:${port}`),
    request: {
      setHeader: (name: string, value: string) => {
        this.upstreamHeaders.set(name, value);
        return Promise.resolve();
      },
      setScheme: (scheme: string) => this.#change('scheme', scheme),
      setPath: (path: string) => this.#change('path', path),
      setMethod: (method: string) => this.#change('method', method),
      setRawBody: (body: string) => this.#change('body', body),
    },
  };
  readonly response = {
    exit: (status: number, body: Buffer | string, headers: Record<string, string | string[]>) => {
      this.exits.push({ status, body: Buffer.from(body as string), headers });
      return Promise.resolve();
    },
  };
  readonly log = {
    setSerializeValue: (key: string, value: object) => {
      this.logEntry.set(key, value);
      return Promise.resolve();
    },
    err: (text: string) => {
      this.errorLog.push(text);
      return Promise.resolve();
    },
    serialize: () => this.#read('serialize', this.#given.entry ?? '{}'),
  };
}

import type { Kong } from '../../bridge/kong';

export interface FakeRequest {
  requestId?: string;
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: Buffer | string;
}

/** One event of one request: `exits` has what the client would get. */
export class FakeKong implements Kong {
  readonly exits: { status: number; body: Buffer; headers: Record<string, string | string[]> }[] = [];
  readonly shared: Map<string, string>;
  readonly upstreamHeaders = new Map<string, string>();
  readonly errorLog: string[] = [];
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

  readonly request = {
    getMethod: () => Promise.resolve(this.#given.method ?? 'POST'),
    getHeaders: () => Promise.resolve(this.#given.headers ?? {}),
    getRawBody: () => Promise.resolve(Buffer.from((this.#given.body ?? '') as string)),
  };
  readonly nginx = {
    getVar: (name: string) =>
      Promise.resolve(name === 'kong_request_id' ? (this.#given.requestId ?? 'r1') : undefined),
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
  readonly service = {
    request: {
      setHeader: (name: string, value: string) => {
        this.upstreamHeaders.set(name, value);
        return Promise.resolve();
      },
    },
  };
  readonly response = {
    exit: (status: number, body: Buffer | string, headers: Record<string, string | string[]>) => {
      this.exits.push({ status, body: Buffer.from(body as string), headers });
      return Promise.resolve();
    },
  };
  readonly log = {
    err: (text: string) => {
      this.errorLog.push(text);
      return Promise.resolve();
    },
  };
}

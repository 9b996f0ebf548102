/**
 * The part of the `kong` object the plugins use, with the types it really has; those of npm kong-pdk promise
 * arrays and tuples that never arrive. Our plugin server and Kong's stock one both hand over such an object.
 *
 * Text from Kong is bytes: with our server one character per byte (latin1), with the stock server UTF-8.
 */
export interface Kong {
  readonly request: {
    getMethod(): Promise<string>;
    /** @param max headers at most; Kong's own limit is 1000, and its default of 100 drops the rest silently */
    getHeaders(max: number): Promise<Record<string, string | string[]>>;
    /** @param max bytes; 0 means any size */
    getRawBody(max: number): Promise<Buffer | undefined>;
    /** Without the `?`, undecoded; "" when there is none. */
    getRawQuery(): Promise<string>;
    /** As trusted proxies before Kong saw it. */
    getForwardedScheme(): Promise<string>;
    /** Of the route's path, where it is a regular expression; the stock server sends an empty list for no names. */
    getUriCaptures(): Promise<{ named?: Record<string, unknown> } | undefined>;
  };
  readonly client: {
    /** Undefined or without an id when nobody has logged in. */
    getConsumer(): Promise<{ id?: string; username?: string; custom_id?: string } | undefined>;
  };
  readonly router: {
    getRoute(): Promise<{ id?: string; name?: string } | undefined>;
    getService(): Promise<KongService | undefined>;
  };
  readonly nginx: {
    getVar(name: string): Promise<string | undefined>;
    setCtx(key: string, value: object | string): Promise<void>;
  };
  readonly ctx: {
    readonly shared: { get(key: string): Promise<unknown>; set(key: string, value: string): Promise<void> };
  };
  readonly service: {
    setTarget(host: string, port: number): Promise<void>;
    readonly request: {
      setHeader(name: string, value: string): Promise<void>;
      setScheme(scheme: string): Promise<void>;
      setPath(path: string): Promise<void>;
      setMethod(method: string): Promise<void>;
      setRawBody(body: string): Promise<void>;
    };
  };
  readonly response: {
    exit(status: number, body: Buffer | string, headers: Record<string, string | string[]>): Promise<void>;
  };
  readonly log: {
    err(text: string): Promise<void>;
    /** JSON of the log entry; in the log phase only. */
    serialize(): Promise<string>;
    setSerializeValue(key: string, value: object): Promise<void>;
  };
  /** Use the function of that name. */
  readonly onOver?: (callback: () => void) => void;
}

export interface KongService {
  readonly id?: string;
  readonly name?: string;
  readonly protocol?: string;
  /** A name, an address, or the name of an Upstream entity. */
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
}

/**
 * Calls back when the event is over before its handler is: Kong has closed it, or the server has answered it. Only our
 * server can tell. In the stock server `kong` is a proxy that makes a call to Kong of every property; it has no `in`.
 */
export function onOver(kong: Kong, callback: () => void): void {
  if ('onOver' in kong) kong.onOver?.(callback);
}

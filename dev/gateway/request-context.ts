/** One request on its way through the gateway: what the plugins read, and what they leave behind. */
import type { HeaderList } from './headers';
import type { LuaTable, LuaValue } from './lua-value';
import type { RequestBody } from './request-body';
import type { RouteMatch } from './routes';

export type LogLevel = 'debug' | 'info' | 'notice' | 'warn' | 'err' | 'crit' | 'alert';

export interface RequestContext {
  /** 32 hexadecimal digits: the variable `kong_request_id` and the header `X-Kong-Request-Id`. */
  readonly id: string;
  method: string;
  readonly httpVersion: number;
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly rawPath: string;
  /** Normalised and percent-decoded. */
  readonly path: string;
  readonly rawQuery: string;
  /** As the plugins see and change them; the upstream gets the result. */
  readonly headers: HeaderList;
  readonly clientIp: string;
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly connectionNumber: number;
  readonly connectionRequests: number;
  readonly startedAtMs: number;
  readonly match: RouteMatch;
  readonly body: RequestBody;
  /** `kong.ctx.shared`. */
  readonly shared: Map<string, LuaValue>;
  /** `ngx.ctx`, as far as plugin servers set it. */
  readonly context: Map<string, LuaValue>;
  /** What `kong.log.set_serialize_value` adds to the entry of a log plugin. */
  readonly logFields: Map<string, LuaValue>;
  /** Set with `kong.response.set_header`; sent with whatever response follows. */
  readonly responseHeaders: HeaderList;
  responseStatus: number | undefined;
  upstream: UpstreamChanges;
  /** The answer, once it is on its way. */
  sent: { readonly status: number; readonly headers: HeaderList } | undefined;
  /** Where the request was proxied to, if it was. */
  proxied: ProxiedRequest | undefined;
  /** In the log phase: what `kong.log.serialize` answers. */
  logEntry: string | undefined;
  log(level: LogLevel, message: string): void;
}

export interface ProxiedRequest {
  readonly host: string;
  readonly port: number;
  readonly uri: string;
  /** Absent until the upstream answers. */
  status?: number;
  tookMs?: number;
}

/** What `kong.service.request.*` and `kong.service.set_target` changed. */
export interface UpstreamChanges {
  scheme?: string;
  host?: string;
  port?: number;
  path?: string;
  rawQuery?: string;
  method?: string;
  rawBody?: Buffer;
}

/** The end of the access phase by `kong.response.exit`. */
export class ExitResponse {
  constructor(
    readonly status: number,
    /** Absent: Kong answers 400 and above with its own error page, else with nothing. */
    readonly body: Buffer | undefined,
    readonly headers: LuaTable | undefined,
  ) {}
}

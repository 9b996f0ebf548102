/**
 * What a plugin folder exports: the shape of npm `kong-pdk`, so the same folder also loads in Kong's stock
 * `kong-js-pluginserver`, plus one optional export that only this server knows.
 */

import type { HttpRoute } from '../listener/http-route';
import type { MetricGroup } from '../bridge/telemetry/metrics';

export type Phase = 'certificate' | 'rewrite' | 'access' | 'response' | 'log';

/**
 * A phase that knows beforehand what it asks Kong for, in place of the method of that name. The method is still what
 * Kong's stock server runs.
 */
export interface PlannedPhase {
  /** Kong's name of a method and its arguments, asked in this order, in one write. */
  readonly reads: readonly (readonly [method: string, ...args: unknown[]])[];
  /**
   * @param answers one for each of `reads`; an Error where that one failed. The array may be kept, and is not used again.
   * @returns nothing: the event ends by `exit` or `pass`, now or later. What it throws is answered as internal.
   */
  run(event: PlannedEvent, answers: readonly unknown[]): void;
}

/** One event of a planned phase. */
export interface PlannedEvent {
  /** Kong's id of the request; undefined in phases outside of it, such as `log`, where nothing can be asked for it. */
  readonly requestId: string | undefined;
  /** Further calls whose answers nobody needs, such as `kong.service.request.set_header`. */
  tell(method: string, ...args: unknown[]): void;
  /** Ends the request with this answer: see exit-arguments.ts for what it may be. Outside of requests it is `pass`. */
  exit(status: number, body: Buffer, headers: Readonly<Record<string, string | string[]>>): void;
  /** Ends the event: Kong goes on with the next plugin. */
  pass(): void;
  /** Another round of questions: the event goes on with that phase, in place of the one that calls this. */
  goOn(next: PlannedPhase): void;
  /** Calls back when Kong has closed the event or the server has answered it before the plugin did. */
  onOver(callback: () => void): void;
}

/** One per Kong worker and plugin configuration. One object serves many requests at the same time. */
export type PluginInstance = Partial<Record<Phase, (kong: unknown) => unknown>> & {
  /** In place of the methods of the same names; see PlannedPhase. */
  readonly planned?: Readonly<Partial<Record<Phase, PlannedPhase>>>;
  /** Kong has closed the instance, or it has expired. Events in flight go on. */
  close?(): void;
};

export interface PluginModule {
  readonly Name: string;
  readonly Version: string;
  readonly Priority: number;
  readonly Plugin: new (config: unknown) => PluginInstance;
  /**
   * The name of the plugin with whose requests its events go on: they have been accepted, and are not refused under
   * overload; and while another process takes the sockets over, it waits for those between the two. Absent in plain
   * kong-pdk plugins, and in those that end a request by themselves.
   */
  readonly Continues?: string;
  /**
   * What it keeps of a request has to be there when its next event, or an HTTP request to the process, comes: of several
   * workers it is served by one. Default: by all.
   */
  readonly OneProcess?: boolean;
  /** Absent in plain kong-pdk plugins: they have nothing that outlives an instance. */
  readonly Process?: ProcessHooks;
}

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Tells the same plugin in all other workers, by `told`. Never rejects; resolves when they know, or have not answered for two
 * seconds. One that is started later is not told. For what is rare: each is a message to a process and from it to all others.
 * @param news what a structured clone may be
 */
export type TellOthers = (news: unknown) => Promise<void>;

/** What lives as long as the process (connections, waiting requests) and must follow its life cycle. */
export interface ProcessHooks {
  /**
   * Called before the first event with the names of all plugins this process serves, and again when another one follows
   * whose socket could not be bound at first.
   * @param listener where Kong reaches the paths of `http`: undefined without such a port, null while it is not there
   * @param tellOthers only in one of several workers
   */
  start?(
    servedPlugins: readonly string[],
    listener?: () => HostAndPort | null | undefined,
    tellOthers?: TellOthers,
  ): void;
  /** Another worker of this node has said so: what its `tellOthers` was given. */
  told?(news: unknown): void;
  /**
   * The server will end soon: the plugin refuses what is new and lets go on what it has accepted.
   * A plugin without this hook has its new events refused by the server.
   */
  drain?(): void;
  /** How many requests are between two plugins of this process: one has ended its event, the next has not begun. */
  between?(): number;
  /** Resolves when nothing the plugin accepted is waiting any more. */
  idle?(): Promise<void>;
  /** Ends everything, within a bound of its own. */
  close?(): Promise<void>;
  /** What the process answers over HTTP, where it has a port for that. */
  readonly http?: readonly HttpRoute[];
  /** For the status page: small, JSON, without secrets. `ready` false makes `/ready` answer 503. */
  status?(): { ready: boolean; [fact: string]: unknown };
  /** For `/metrics`: asked for once, collected at each scrape. */
  metrics?(): readonly MetricGroup[];
}

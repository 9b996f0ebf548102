/**
 * What a plugin folder exports: the shape of npm `kong-pdk`, so the same folder also loads in Kong's stock
 * `kong-js-pluginserver`, plus one optional export that only this server knows.
 */

export type Phase = 'certificate' | 'rewrite' | 'access' | 'response' | 'log';

/** One per Kong worker and plugin configuration. One object serves many requests at the same time. */
export type PluginInstance = Partial<Record<Phase, (kong: unknown) => unknown>> & {
  /** Kong has closed the instance, or it has expired. Events in flight go on. */
  close?(): void;
};

export interface PluginModule {
  readonly Name: string;
  readonly Version: string;
  readonly Priority: number;
  readonly Plugin: new (config: unknown) => PluginInstance;
  /**
   * True: its events go on with requests that another plugin has accepted. They are not refused under overload. Absent
   * in plain kong-pdk plugins.
   */
  readonly Continues?: boolean;
  /** Absent in plain kong-pdk plugins: they have nothing that outlives an instance. */
  readonly Process?: ProcessHooks;
}

/** What lives as long as the process (connections, waiting requests) and must follow its life cycle. */
export interface ProcessHooks {
  /**
   * Called before the first event with the names of all plugins this process serves, and again when another one follows
   * whose socket could not be bound at first.
   */
  start?(servedPlugins: readonly string[]): void;
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
  /** For the status page: small, JSON, without secrets. `ready` false makes `/ready` answer 503. */
  status?(): { ready: boolean; [fact: string]: unknown };
}

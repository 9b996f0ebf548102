/** What the primary and its workers ask of each other. */
import type { KnownInstance } from '../instances';
import type { Status } from '../status';
import type { FamilySeries } from './worker-metrics';

/** A plugin as a worker has loaded it. */
export interface PluginFacts {
  readonly name: string;
  readonly version: string;
  readonly priority: number;
  readonly continues: string | undefined;
  readonly oneProcess?: boolean;
  readonly failure?: string;
}

/** What a worker can say of itself. */
export interface WorkerStatus extends Status {
  /** Of all plugins that are loaded, also those that another worker serves: plugins share what their processes have. */
  readonly processes: Readonly<Record<string, unknown>>;
}

export interface OfWorkers {
  /** A socket comes along: listen on it, in place of the one before. Calls wait until `release`. */
  listen(asked: { readonly plugin: string }): void;
  /** The sockets of these plugins are bound: events may come soon. */
  start(asked: { readonly plugins: readonly string[] }): void;
  /** The socket's name is taken: calls that wait are answered. */
  release(asked: { readonly plugin: string }): void;
  adopt(asked: KnownInstance & { readonly plugin: string }): void;
  retire(asked: { readonly plugin: string; readonly id: number }): void;
  /** The name has gone to another process. Answered when nothing is on its way to the plugin that follows. */
  giveUp(asked: { readonly plugin: string; readonly isFollowed: boolean }): void;
  /** The same plugin in another worker has said so. */
  told(asked: { readonly plugin: string; readonly news: unknown }): void;
  end(asked: { readonly signal: string }): void;
  toggleDebug(asked: undefined): void;
  status(asked: undefined): WorkerStatus;
  metrics(asked: undefined): readonly FamilySeries[];
  ping(asked: undefined): void;
}

export interface OfPrimary {
  /** The worker has loaded the plugins. */
  hello(asked: { readonly plugins: readonly PluginFacts[] }): void;
  startInstance(asked: { readonly plugin: string; readonly name: string; readonly config: Buffer }): number;
  retireInstance(asked: { readonly plugin: string; readonly id: number }): void;
  instanceClosed(asked: { readonly plugin: string; readonly id: number }): void;
  /** Answered when all other workers know. */
  tellOthers(asked: { readonly plugin: string; readonly news: unknown }): void;
  /** @returns whether another socket has the name */
  handOver(asked: {
    readonly plugin: string;
    readonly isFollowed: boolean;
    readonly wantedStatusPort: number | undefined;
  }): boolean;
}

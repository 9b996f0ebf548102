/** The process-wide hooks of all loaded plugins: called once each, and never allowed to end the process. */

import { log } from '../bridge/telemetry/log';
import type { HttpRoute } from '../listener/http-route';
import type { MetricGroup } from '../bridge/telemetry/metrics';
import type { LoadedPlugin } from './plugin-loader';
import type { HostAndPort, ProcessHooks } from './plugin-module';

/** See TellOthers; which plugin says it is ours to know. */
export type TellWorkers = (plugin: string, news: unknown) => Promise<void>;

export class PluginProcesses {
  /** Two plugins may share one object: connections and waiting requests that belong to both. */
  private readonly hooks: readonly ProcessHooks[];

  constructor(private readonly plugins: readonly LoadedPlugin[]) {
    const found = plugins.map((plugin) => plugin.hooks).filter((hooks) => hooks !== undefined);
    this.hooks = [...new Set(found)];
  }

  /**
   * @param names of the plugins that are served: all but those whose socket cannot be bound
   * @throws what a plugin's `start` throws: a process that cannot work must not begin
   */
  start(
    names: readonly string[],
    listener?: () => HostAndPort | null | undefined,
    tellWorkers?: TellWorkers,
  ): void {
    for (const hooks of this.hooks) {
      // Those who share them are one.
      const { name } = this.plugins.find((plugin) => plugin.hooks === hooks)!;
      hooks.start?.(names, listener, tellWorkers && ((news) => tellWorkers(name, news)));
    }
  }

  /** Another worker has said so. */
  told(plugin: string, news: unknown): void {
    guarded('told', () => this.plugins.find(({ name }) => name === plugin)?.hooks?.told?.(news));
  }

  get httpRoutes(): readonly HttpRoute[] {
    return [...new Set(this.hooks.flatMap(({ http }) => http ?? []))];
  }

  drain(): void {
    for (const hooks of this.hooks) guarded('drain', () => hooks.drain?.());
  }

  async idle(): Promise<void> {
    await Promise.all(this.hooks.map((hooks) => guardedAsync('idle', async () => hooks.idle?.())));
  }

  async close(): Promise<void> {
    await Promise.all(this.hooks.map((hooks) => guardedAsync('close', async () => hooks.close?.())));
  }

  /** Of all plugins; what two of them share is there once. */
  metrics(): readonly MetricGroup[] {
    return [...new Set(this.hooks.flatMap((hooks) => hooks.metrics?.() ?? []))];
  }

  /** By plugin name; a plugin without hooks has nothing to be unready about. */
  status(): Record<string, { ready: boolean }> {
    const status: Record<string, { ready: boolean }> = {};
    for (const { name, hooks } of this.plugins) {
      if (hooks?.status === undefined) continue;
      try {
        status[name] = hooks.status();
      } catch (error) {
        log.error('the status of a plugin failed', { plugin: name, error });
        status[name] = { ready: false };
      }
    }
    return status;
  }
}

function guarded(hook: string, call: () => unknown): void {
  try {
    call();
  } catch (error) {
    log.error('a process hook of a plugin failed', { hook, error });
  }
}

async function guardedAsync(hook: string, call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    log.error('a process hook of a plugin failed', { hook, error });
  }
}

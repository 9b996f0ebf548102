/** One Kong worker: its own instances, its own connections to the plugin servers, its own counters. */
import type { BundledPlugin } from './bundled-plugin';
import { DONE, failed, type Event, type EventOutcome } from './event';
import type { PluginConfig } from './entities';
import type { ExternalPlugin } from './external-plugin';
import { correlationId } from './plugins/correlation-id';
import { requestTermination } from './plugins/request-termination';
import { MAX_RUNNING_TIMERS } from './log-phase';
import type { RequestContext } from './request-context';

export function bundledPlugins(): BundledPlugin[] {
  return [correlationId(), requestTermination()];
}

export class Worker {
  readonly #bundled: ReadonlyMap<string, BundledPlugin>;
  #runningTimers = 0;

  constructor(readonly externals: ReadonlyMap<string, ExternalPlugin>) {
    this.#bundled = new Map(bundledPlugins().map((plugin) => [plugin.name, plugin]));
  }

  /** The access phase: plugin after plugin until one ends it. */
  async access(request: RequestContext): Promise<EventOutcome> {
    for (const plugin of request.match.plugins) {
      const outcome = await this.#run(plugin, { request, phase: 'access' });
      if (outcome.kind !== 'done') return outcome;
    }
    return DONE;
  }

  /** Kong runs this for every response of the route, also where an earlier plugin exited. */
  headerFilter(request: RequestContext): void {
    for (const plugin of request.match.plugins) {
      this.#bundled.get(plugin.name)?.headerFilter?.(plugin.config, request);
    }
  }

  /** Every plugin that has the phase, whatever became of the request. Resolves when all are done. */
  async log(request: RequestContext): Promise<void> {
    const plugins = request.match.plugins.filter(({ name }) => this.externals.get(name)?.hasPhase('log'));
    if (plugins.length === 0) return;
    if (this.#runningTimers >= MAX_RUNNING_TIMERS) {
      request.log('alert', `${MAX_RUNNING_TIMERS} lua_max_running_timers are not enough`);
      return;
    }
    this.#runningTimers += 1;
    for (const plugin of plugins) {
      const outcome = await this.#run(plugin, { request, phase: 'log' });
      if (outcome.kind === 'error') request.log('err', outcome.message);
    }
    this.#runningTimers -= 1;
  }

  forgetInstances(pluginName: string): void {
    this.externals.get(pluginName)?.forgetInstances();
  }

  close(): void {
    for (const plugin of this.externals.values()) plugin.close();
  }

  #run(plugin: PluginConfig, event: Event): EventOutcome | Promise<EventOutcome> {
    const external = this.externals.get(plugin.name);
    if (external) return external.hasPhase(event.phase) ? external.run(plugin, event) : DONE;
    const bundled = this.#bundled.get(plugin.name);
    return bundled?.access(plugin.config, event.request) ?? failed(`plugin ${plugin.name} is not installed`);
  }
}

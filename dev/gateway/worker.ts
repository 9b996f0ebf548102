/** One Kong worker: its own instances, its own connections to the plugin servers, its own counters. */
import type { BundledPlugin } from './bundled-plugin';
import { DONE, failed, type Event, type EventOutcome } from './event';
import type { PluginConfig } from './entities';
import type { ExternalPlugin } from './external-plugin';
import { correlationId } from './plugins/correlation-id';
import { requestTermination } from './plugins/request-termination';
import type { RequestContext } from './request-context';

export function bundledPlugins(): BundledPlugin[] {
  return [correlationId(), requestTermination()];
}

export class Worker {
  readonly #bundled: ReadonlyMap<string, BundledPlugin>;

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

  forgetInstances(pluginName: string): void {
    this.externals.get(pluginName)?.forgetInstances();
  }

  close(): void {
    for (const plugin of this.externals.values()) plugin.close();
  }

  #run(plugin: PluginConfig, event: Event): EventOutcome | Promise<EventOutcome> {
    const external = this.externals.get(plugin.name);
    if (external) return external.run(plugin, event);
    const bundled = this.#bundled.get(plugin.name);
    return bundled?.access(plugin.config, event.request) ?? failed(`plugin ${plugin.name} is not installed`);
  }
}

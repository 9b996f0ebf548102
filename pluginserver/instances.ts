/**
 * The instances of one plugin: one per Kong worker and configuration, started lazily by Kong.
 *
 * Kong restarts them at any plugin change anywhere and often never closes the old ones, so an instance that nobody has
 * used for a day expires. One that is in use does so after a week: secrets from a vault come with StartInstance only, and
 * Kong 3.6.0 never replaces an instance. Kong starts a new one when it meets the unknown id.
 */

import { randomInt } from 'node:crypto';
import { GatewayError } from '../bridge/errors';
import { log } from '../bridge/telemetry/log';
import {
  BrokenConfiguration,
  BrokenConfigurations,
  configurationIds,
  type BrokenConfigurationStatus,
  type ConfigurationIds,
} from './broken-configurations';
import type { LoadedPlugin } from './plugin-loader';
import type { PluginInstance } from './plugin-module';

const ID_LIMIT = 2 ** 31;
const DAY_MS = 24 * 60 * 60 * 1000;
const MAX_IDLE_MS = DAY_MS;
const MAX_AGE_MS = 7 * DAY_MS;

export interface Instance {
  readonly id: number;
  readonly startedAtMs: number;
  /** What answers events: the plugin's instance, or the reason why there is none. */
  readonly served: PluginInstance | BrokenConfiguration;
  eventsInFlight: number;
  usedAtMs: number;
}

export class Instances {
  private readonly byId = new Map<number, Instance>();
  private readonly brokenOnes: BrokenConfigurations;
  /** Ids of an earlier process, still cached in Kong's workers, must not name another configuration here. */
  private nextId = randomInt(1, ID_LIMIT);

  constructor(
    private readonly plugin: LoadedPlugin,
    private readonly nowMs: () => number = Date.now,
  ) {
    this.brokenOnes = new BrokenConfigurations(plugin.name);
  }

  get size(): number {
    return this.byId.size;
  }

  /** For the status page. */
  brokenConfigurations(): BrokenConfigurationStatus[] {
    return this.brokenOnes.status();
  }

  get(id: number): Instance | undefined {
    return this.byId.get(id);
  }

  /**
   * Never throws, because a failing StartInstance is a 500 with its reason in Kong's log only. A configuration
   * that cannot work makes an instance whose every event is answered `misconfigured`.
   *
   * @param name the plugin Kong wants
   * @param config JSON with secrets: it goes to the plugin and nowhere else
   */
  start(name: string, config: Buffer): Instance {
    const nowMs = this.nowMs();
    const id = this.takeId();
    const instance: Instance = {
      id,
      startedAtMs: nowMs,
      served: this.create(id, name, config),
      eventsInFlight: 0,
      usedAtMs: nowMs,
    };
    this.byId.set(instance.id, instance);
    log.debug('instance started', { plugin: this.plugin.name, instance: instance.id });
    return instance;
  }

  /** Events in flight go on: their requests began under this configuration. */
  close(id: number): Instance | undefined {
    const instance = this.byId.get(id);
    if (instance === undefined) return undefined;
    this.byId.delete(id);
    this.brokenOnes.remove(id);
    this.callClose(instance);
    return instance;
  }

  closeAll(): void {
    for (const id of [...this.byId.keys()]) this.close(id);
  }

  /** An old one goes even with events in flight, as when Kong closes it: a busy one always has some. */
  expire(): void {
    const nowMs = this.nowMs();
    for (const { id, startedAtMs, usedAtMs, eventsInFlight } of this.byId.values()) {
      const isIdle = eventsInFlight === 0 && nowMs - usedAtMs > MAX_IDLE_MS;
      if (isIdle || nowMs - startedAtMs > MAX_AGE_MS) this.close(id);
    }
  }

  private takeId(): number {
    do {
      this.nextId = this.nextId + 1 < ID_LIMIT ? this.nextId + 1 : 1;
    } while (this.byId.has(this.nextId));
    return this.nextId;
  }

  private create(id: number, name: string, config: Buffer): PluginInstance | BrokenConfiguration {
    let parsed: unknown;
    try {
      parsed = JSON.parse(config.toString());
    } catch {
      // The parser's message quotes the text, secrets included.
      return this.broken(id, configurationIds(undefined), 'the configuration Kong sent is not JSON');
    }
    const ids = configurationIds(parsed);
    if (name !== this.plugin.name) {
      const reason = `Kong asks for the plugin ${name} on the socket of ${this.plugin.name}: check kong.conf`;
      return this.broken(id, ids, reason);
    }
    try {
      const instance = this.plugin.create(parsed);
      this.brokenOnes.mended(ids);
      return instance;
    } catch (error) {
      if (error instanceof GatewayError) return this.broken(id, ids, error.detail, error);
      return this.broken(id, ids, error instanceof Error ? error.message : 'its constructor threw', error);
    }
  }

  private broken(id: number, ids: ConfigurationIds, detail: string, cause?: unknown): BrokenConfiguration {
    const broken = this.brokenOnes.add(id, ids, detail, cause, this.nowMs());
    log[broken.isUntold ? 'error' : 'debug'](
      'a plugin instance cannot work; its requests are answered with 500',
      {
        plugin: this.plugin.name,
        reason: broken.detail,
        kong_plugin_id: ids.kongPluginId,
        route_id: ids.routeId,
        error: cause instanceof GatewayError ? undefined : cause,
      },
    );
    return broken;
  }

  private callClose({ served, id }: Instance): void {
    if (served instanceof BrokenConfiguration) return;
    try {
      served.close?.();
    } catch (error) {
      log.error('closing a plugin instance failed', { plugin: this.plugin.name, instance: id, error });
    }
  }
}

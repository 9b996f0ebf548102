/**
 * Configurations of one plugin that cannot work. Kong has accepted them, so whoever wrote one was told that all is well:
 * the reason goes to the log and to Kong's own log, once, and stands on the status page as long as it holds.
 *
 * Kong starts an instance for each of its workers, and all of them again at any change of any plugin; old ones it often
 * never closes. What was said is remembered by Kong's id of the plugin, so that it is not said again each time, and a
 * configuration counts as mended as soon as an instance with that id works.
 */

import { GatewayError } from '../bridge/errors';

/** More would be a list nobody reads. The oldest go first. */
const MAX_REMEMBERED = 50;
/** A reason is a sentence; one that quotes a name of thousands of characters is cut. */
const MAX_REASON_LENGTH = 500;

/** Which of Kong's plugin configurations an instance was started for, as far as Kong says it. */
export interface ConfigurationIds {
  readonly kongPluginId: string | undefined;
  readonly routeId: string | undefined;
}

/** What every event of such an instance is answered with. */
export class BrokenConfiguration extends GatewayError {
  /** Until somebody has told Kong's own log. */
  isUntold: boolean;

  constructor(reason: string, cause: unknown, isNews: boolean) {
    super('misconfigured', reason, { cause });
    this.isUntold = isNews;
  }
}

/** One line of the status page. */
export interface BrokenConfigurationStatus {
  readonly plugin: string;
  readonly reason: string;
  readonly since: string;
  /** About one for each worker of Kong that has had a request since. */
  readonly instances: number;
  readonly kong_plugin_id?: string;
  readonly route_id?: string;
}

interface Entry {
  readonly reason: string;
  readonly sinceMs: number;
  readonly ids: ConfigurationIds;
  readonly instances: Set<number>;
}

export class BrokenConfigurations {
  readonly #plugin: string;
  /** By Kong's id of the plugin, or by the reason where Kong has told none. */
  readonly #entries = new Map<string, Entry>();

  constructor(plugin: string) {
    this.#plugin = plugin;
  }

  /** @returns what the instance is to answer; `isUntold` when this has not been said of this configuration before */
  add(
    instanceId: number,
    ids: ConfigurationIds,
    detail: string,
    cause: unknown,
    nowMs: number,
  ): BrokenConfiguration {
    const reason = detail.length > MAX_REASON_LENGTH ? `${detail.slice(0, MAX_REASON_LENGTH)}…` : detail;
    const key = ids.kongPluginId ?? reason;
    let entry = this.#entries.get(key);
    const isNews = entry?.reason !== reason;
    if (entry === undefined || isNews) {
      this.#entries.delete(key);
      entry = { reason, sinceMs: nowMs, ids, instances: new Set() };
      this.#entries.set(key, entry);
      for (const oldest of this.#entries.keys()) {
        if (this.#entries.size <= MAX_REMEMBERED) break;
        this.#entries.delete(oldest);
      }
    }
    entry.instances.add(instanceId);
    return new BrokenConfiguration(reason, cause, isNews);
  }

  /** An instance with this id works. */
  mended({ kongPluginId }: ConfigurationIds): void {
    if (kongPluginId !== undefined) this.#entries.delete(kongPluginId);
  }

  /** The instance is gone. What was said of it stays remembered: Kong may be about to start the next. */
  remove(instanceId: number): void {
    for (const { instances } of this.#entries.values()) instances.delete(instanceId);
  }

  status(): BrokenConfigurationStatus[] {
    return [...this.#entries.values()]
      .filter(({ instances }) => instances.size > 0)
      .map(({ reason, sinceMs, ids: { kongPluginId, routeId }, instances }) => ({
        plugin: this.#plugin,
        reason,
        since: new Date(sinceMs).toISOString(),
        instances: instances.size,
        ...(kongPluginId !== undefined && { kong_plugin_id: kongPluginId }),
        ...(routeId !== undefined && { route_id: routeId }),
      }));
  }
}

/** Ids are UUIDs; anything longer is none. */
const MAX_ID_LENGTH = 64;

/** @param config as Kong has sent it: it notes its own ids among the options */
export function configurationIds(config: unknown): ConfigurationIds {
  const members = (typeof config === 'object' && config !== null ? config : {}) as Record<string, unknown>;
  const idOf = (name: string): string | undefined => {
    const value = members[name];
    return typeof value === 'string' && value.length > 0 && value.length <= MAX_ID_LENGTH ? value : undefined;
  };
  return { kongPluginId: idOf('__plugin_id'), routeId: idOf('route_id') };
}

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
import { RareLog } from './rare-log';
import { ReadPlan, REQUEST_PHASES } from './read-plan';

const NO_PLANS: ReadonlyMap<string, ReadPlan> = new Map();
const ID_LIMIT = 2 ** 31;
const DAY_MS = 24 * 60 * 60 * 1000;
const MAX_IDLE_MS = DAY_MS;
export const MAX_AGE_MS = 7 * DAY_MS;
/** An id that Kong has closed is not used again; one that is in use was not closed by Kong. */
const RETIRED_IDLE_MS = 10_000;
/** Workers times configurations, several times over. An instance of ours takes about 10 KB. */
const MAX_INSTANCES = 30_000;
/** Of the configurations as text; what they become is several times as much. */
const MAX_CONFIG_BYTES = 64 * 1024 * 1024;
/** When it is too many, so that the next one does not have to look for room again. */
const SHARE_TO_CLOSE = 0.1;

export interface Instance {
  readonly id: number;
  readonly startedAtMs: number;
  readonly configBytes: number;
  /** What answers events: the plugin's instance, or the reason why there is none. */
  readonly served: PluginInstance | BrokenConfiguration;
  /** Of the phases that know beforehand what they ask Kong for. */
  readonly plans: ReadonlyMap<string, ReadPlan>;
  eventsInFlight: number;
  usedAtMs: number;
  /** Somebody has said that it is no longer needed. */
  isRetired: boolean;
}

/** An instance before it is made. */
export interface KnownInstance {
  readonly id: number;
  readonly startedAtMs: number;
  /** Of the plugin that Kong wants. */
  readonly name: string;
  /** JSON with secrets: it goes to the plugin and nowhere else. */
  readonly config: Buffer;
  readonly isRetired?: boolean;
}

export interface InstanceLimits {
  readonly maxInstances: number;
  readonly maxConfigBytes: number;
}

const DEFAULT_LIMITS: InstanceLimits = {
  maxInstances: MAX_INSTANCES,
  maxConfigBytes: MAX_CONFIG_BYTES,
};

/** Ids of an earlier process, still cached in Kong's workers, must not name another configuration here. */
export class InstanceIds {
  private last = randomInt(1, ID_LIMIT);

  next(isTaken: (id: number) => boolean): number {
    do {
      this.last = this.last + 1 < ID_LIMIT ? this.last + 1 : 1;
    } while (isTaken(this.last));
    return this.last;
  }
}

export class Instances {
  private readonly byId = new Map<number, Instance>();
  private readonly brokenOnes: BrokenConfigurations;
  private configBytes = 0;
  private readonly ids = new InstanceIds();
  /** It was closed, for whatever reason. */
  onClosed: (id: number) => void = () => undefined;

  constructor(
    private readonly plugin: LoadedPlugin,
    private readonly nowMs: () => number = Date.now,
    private readonly rareLog = new RareLog(),
    private readonly limits: InstanceLimits = DEFAULT_LIMITS,
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
    const id = this.ids.next((candidate) => this.byId.has(candidate));
    return this.adopt({ id, startedAtMs: this.nowMs(), name, config });
  }

  /** Under an id that was given elsewhere; one that is here already stays as it is. Never throws. */
  adopt({ id, startedAtMs, name, config, isRetired = false }: KnownInstance): Instance {
    const known = this.byId.get(id);
    if (known !== undefined) return known;
    const nowMs = this.nowMs();
    this.makeRoom(config.length);
    const { served, plans } = this.create(id, name, config);
    const instance: Instance = {
      id,
      startedAtMs,
      configBytes: config.length,
      served,
      plans,
      eventsInFlight: 0,
      usedAtMs: nowMs,
      isRetired,
    };
    this.byId.set(instance.id, instance);
    this.configBytes += instance.configBytes;
    log.debug('instance started', { plugin: this.plugin.name, instance: instance.id });
    return instance;
  }

  /**
   * Kong no longer needs it. It is closed when nobody has used it for a while, because anybody on the socket can name
   * any id: one that is in use stays, for as long as it is. Requests of the old configuration that come late are no reason
   * to keep it longer.
   */
  retire(id: number): Instance | undefined {
    const instance = this.byId.get(id);
    if (instance === undefined) return undefined;
    instance.isRetired = true;
    return instance;
  }

  /** Events in flight go on: their requests began under this configuration. */
  close(id: number): Instance | undefined {
    const instance = this.byId.get(id);
    if (instance === undefined) return undefined;
    this.byId.delete(id);
    this.configBytes -= instance.configBytes;
    this.brokenOnes.remove(id);
    this.callClose(instance);
    this.onClosed(id);
    return instance;
  }

  closeAll(): void {
    for (const id of [...this.byId.keys()]) this.close(id);
  }

  /** An old one goes even with events in flight, as when Kong closes it: a busy one always has some. */
  expire(): void {
    const nowMs = this.nowMs();
    for (const { id, startedAtMs, usedAtMs, eventsInFlight, isRetired } of this.byId.values()) {
      const idleMs = isRetired ? RETIRED_IDLE_MS : MAX_IDLE_MS;
      const isIdle = eventsInFlight === 0 && nowMs - usedAtMs > idleMs;
      if (isIdle || nowMs - startedAtMs > MAX_AGE_MS) this.close(id);
    }
  }

  /** Closes those that nobody has used for longest. Kong starts what it still needs again. */
  private makeRoom(furtherBytes: number): void {
    const { maxInstances, maxConfigBytes } = this.limits;
    if (this.byId.size < maxInstances && this.configBytes + furtherBytes <= maxConfigBytes) return;
    const goalInstances = maxInstances * (1 - SHARE_TO_CLOSE);
    const goalBytes = maxConfigBytes * (1 - SHARE_TO_CLOSE) - furtherBytes;
    const idle = [...this.byId.values()].filter(({ eventsInFlight }) => eventsInFlight === 0);
    idle.sort((a, b) => a.usedAtMs - b.usedAtMs);
    let closed = 0;
    for (const { id } of idle) {
      if (this.byId.size <= goalInstances && this.configBytes <= goalBytes) break;
      this.close(id);
      closed++;
    }
    const message = 'too many instances: those that were not used for longest are closed';
    this.rareLog.write('warn', message, { plugin: this.plugin.name, closed, left: this.byId.size });
  }

  private create(id: number, name: string, config: Buffer): Pick<Instance, 'served' | 'plans'> {
    let parsed: unknown;
    try {
      parsed = JSON.parse(config.toString());
    } catch {
      // The parser's message quotes the text, secrets included.
      return this.broken(id, configurationIds(undefined), 'the configuration Kong sent is not JSON');
    }
    const ids = configurationIds(parsed);
    if (name !== this.plugin.name && this.plugin.failure === undefined) {
      const reason = `Kong asks for the plugin ${name} on the socket of ${this.plugin.name}: check kong.conf`;
      return this.broken(id, ids, reason);
    }
    try {
      const instance = this.plugin.create(parsed);
      const plans = plansOf(instance);
      this.brokenOnes.mended(ids);
      return { served: instance, plans };
    } catch (error) {
      if (error instanceof GatewayError) return this.broken(id, ids, error.detail, error);
      return this.broken(id, ids, error instanceof Error ? error.message : 'its constructor threw', error);
    }
  }

  private broken(
    id: number,
    ids: ConfigurationIds,
    detail: string,
    cause?: unknown,
  ): Pick<Instance, 'served' | 'plans'> {
    const broken = this.brokenOnes.add(id, ids, detail, cause, this.nowMs());
    const message = 'a plugin instance cannot work; its requests are answered with 500';
    const facts = {
      plugin: this.plugin.name,
      reason: broken.detail,
      kong_plugin_id: ids.kongPluginId,
      route_id: ids.routeId,
      error: cause instanceof GatewayError ? undefined : cause,
    };
    if (broken.isUntold) this.rareLog.write('error', message, facts);
    else log.debug(message, facts);
    return { served: broken, plans: NO_PLANS };
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

/** @throws GatewayError */
function plansOf({ planned }: PluginInstance): ReadonlyMap<string, ReadPlan> {
  if (planned === undefined) return NO_PLANS;
  return new Map(
    Object.entries(planned).map(([phase, asked]) => [phase, new ReadPlan(asked, REQUEST_PHASES.has(phase))]),
  );
}

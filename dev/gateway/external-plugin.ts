/**
 * A plugin behind a plugin server, as one Kong worker runs it: an instance per configuration, started when the
 * first request needs it, and Kong's ways of dealing with a server that fails.
 */
import type { PoolLimits } from './connection-pool';
import { CLOSED } from './connection-pool';
import type { PluginDescription } from './dump';
import { configForPluginServer, type PluginConfig } from './entities';
import { DONE, failed, type Event, type EventOutcome, type PluginRpc } from './event';
import { MsgpackRpc } from './msgpack-rpc';
import { ProtobufRpc } from './protobuf-rpc';

/** Kong waits this long for an instance that another request is starting, looking again and again. */
const CLAIM_STEP_MS = 100;
const CLAIM_STEPS = 100;

/** Kong would go on for ever; here a plugin server that always closes must not keep a test machine busy. */
export const MAX_ATTEMPTS = 1000;

export interface ExternalPluginCounters {
  events: number;
  reruns: number;
  startedInstances: number;
  closedInstances: number;
}

interface Instance {
  /** Absent while it is being started. */
  id: number | undefined;
  seq: number;
}

type Claim = { readonly id: number } | { readonly problem: string };

export interface ExternalPluginHooks {
  readonly counters: ExternalPluginCounters;
  /** The server has lost its instances: the other workers must forget them, too. */
  resetInstances(pluginName: string): void;
}

export class ExternalPlugin {
  readonly #rpc: PluginRpc;
  readonly #instances = new Map<string, Instance>();
  #isShut = false;

  constructor(
    private readonly description: PluginDescription,
    socketPath: string,
    limits: PoolLimits,
    private readonly hooks: ExternalPluginHooks,
  ) {
    this.#rpc =
      description.protocol === 'ProtoBuf:1'
        ? new ProtobufRpc(socketPath, limits)
        : new MsgpackRpc(socketPath, limits, () => this.forgetInstances());
  }

  get name(): string {
    return this.description.name;
  }

  hasPhase(phase: string): boolean {
    return this.description.phases.includes(phase);
  }

  get openConnections(): number {
    return this.#rpc.openConnections;
  }

  async run(plugin: PluginConfig, event: Event): Promise<EventOutcome> {
    this.hooks.counters.events += 1;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      if (attempt > 1) this.hooks.counters.reruns += 1;
      const outcome = await this.#attempt(plugin, event);
      if (outcome) return outcome;
    }
    event.request.log(
      'alert',
      `${this.name}: the plugin server ended the same event ${MAX_ATTEMPTS} times; Kong would go on without end`,
    );
    return failed('too many attempts');
  }

  forgetInstances(): void {
    this.#instances.clear();
  }

  close(): void {
    this.#isShut = true;
    this.#rpc.close();
  }

  /** Nothing: the event must be run again. */
  async #attempt(plugin: PluginConfig, event: Event): Promise<EventOutcome | undefined> {
    let claim: Claim;
    try {
      if (this.#isShut) return failed('the gateway is shutting down');
      claim = await this.#instanceId(plugin);
    } catch (error) {
      // A Lua error in Kong, whichever the protocol.
      return failed(`starting instance: ${(error as Error).message}`);
    }
    if ('problem' in claim) return this.#onFailure(claim.problem, event);
    const result = await this.#rpc.handleEvent(claim.id, event);
    return result.kind === 'failed' ? this.#onFailure(result.reason, event) : result;
  }

  #onFailure(reason: string, event: Event): EventOutcome | undefined {
    const isProtobuf = this.description.protocol === 'ProtoBuf:1';
    const lowered = reason.toLowerCase();
    const mustRerun = lowered.includes('no plugin instance') || (isProtobuf && lowered.includes(CLOSED));
    if (mustRerun) {
      event.request.log('warn', reason);
      this.hooks.resetInstances(this.name);
      return undefined;
    }
    event.request.log('err', `pluginserver error: ${reason}`);
    // MsgPack:1 lets the request go on as if the plugin had nothing to say.
    return isProtobuf ? failed(reason) : DONE;
  }

  async #instanceId(plugin: PluginConfig): Promise<Claim> {
    let instance = this.#instances.get(plugin.id);
    for (let step = 0; instance && instance.id === undefined; step += 1) {
      if (step >= CLAIM_STEPS) {
        this.#instances.delete(plugin.id);
        return { problem: `Could not claim instance_id for ${this.name} (key: ${plugin.id})` };
      }
      await sleep(CLAIM_STEP_MS);
      instance = this.#instances.get(plugin.id);
    }
    if (instance?.id !== undefined && instance.seq === plugin.seq) return { id: instance.id };
    return { id: await this.#start(plugin, instance) };
  }

  async #start(plugin: PluginConfig, old: Instance | undefined): Promise<number> {
    const oldId = old?.id;
    const instance: Instance = old ?? { id: undefined, seq: plugin.seq };
    instance.id = undefined;
    this.#instances.set(plugin.id, instance);
    this.hooks.counters.startedInstances += 1;
    try {
      const config = JSON.stringify(configForPluginServer(plugin));
      instance.id = await this.#rpc.startInstance(this.name, config);
    } catch (error) {
      this.#instances.delete(plugin.id);
      throw error;
    }
    instance.seq = plugin.seq;
    const id = instance.id;
    if (oldId !== undefined) {
      this.hooks.counters.closedInstances += 1;
      await this.#rpc.closeInstance(oldId);
    }
    return id;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

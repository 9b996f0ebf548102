/**
 * One plugin on one Unix socket: accepts Kong's workers, starts instances, runs events.
 *
 * One socket per plugin, because Kong counts messages per plugin and would mix up two that share a path.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { Roster } from '../common/roster';
import { tooManyBytes } from '../bridge/bytes-in-flight';
import { GatewayError } from '../bridge/errors';
import { log, type LogFields } from '../bridge/telemetry/log';
import type { LogMessage } from '../bridge/telemetry/log-events';
import { BrokenConfiguration, type BrokenConfigurationStatus } from './broken-configurations';
import type { Connection } from './connection';
import { PluginEvent, type EventEnd, type EventOwner, type Handler } from './event';
import { MAX_FRAME_BYTES } from './frames';
import { Instances, type Instance, type KnownInstance } from './instances';
import * as messages from './messages';
import { Overload } from './overload';
import { Peer, type PeerOwner } from './peer';
import { isPhase, type LoadedPlugin } from './plugin-loader';
import { RareLog } from './rare-log';
import type { ReadPlan } from './read-plan';
import { Refusal } from './refusal';
import { Reruns } from './reruns';
import { messageOf, SocketPath, type SocketName } from '../listener/socket-path';
import { HEARTBEAT_TICKS, MAX_EVENT_TICKS } from './ticker';

/** Node's default of 511 loses connections when thousands of requests arrive at once. */
const BACKLOG = 4096;
const POLL_MS = 5;
/** Kong drops an idle connection within a millisecond or two, a busy machine later; one that is stuck holds up no other. */
const MAX_RETIRE_POLLS = 50;
/** In which nothing has happened yet: a request that is refused later has reached an upstream. */
const FIRST_PHASES = new Set(['rewrite', 'access']);
const LOG_PHASE = 'log';
/** Of calls that come while others are waited for; a start of an instance brings its configuration. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
const SILENT = new Refusal(new GatewayError('internal', 'Kong did not answer a call for two minutes'));
const TOO_LATE = new Refusal(new GatewayError('internal', 'the handler did not end the event in time'));

export interface PluginServerOptions {
  readonly plugin: LoadedPlugin;
  readonly socketPath: string;
  /** Largest frame that is taken from Kong; default 32 MiB. */
  readonly maxFrameBytes?: number;
  /** Shared by all servers of a process; default: one of its own with the default limits. */
  readonly overload?: Overload;
  /** Another process has taken the last socket and wants the status port, too; it waits for this. */
  readonly onReplaced?: (wantedStatusPort: number) => Promise<void>;
  /** Of one of several workers: what concerns all of them. */
  readonly node?: WorkersNode;
}

/** What one of several workers asks of the process that holds them together: see workers/. */
export interface WorkersNode {
  readonly socket: SocketName;
  /** Resolves when every worker that serves the plugin has the instance. */
  startInstance(name: string, config: Buffer): Promise<number>;
  retireInstance(id: number): void;
  /** This worker no longer has it. */
  onInstanceClosed(id: number): void;
  /** Another process says that it takes over. False: another socket does not have the name. */
  handOver(isFollowed: boolean, wantedStatusPort: number | undefined): Promise<boolean>;
}

export interface PluginServerStatus {
  readonly socket: string;
  /** False: another process has taken the socket's name, or it was removed. */
  readonly socket_owned: boolean;
  readonly version: string;
  readonly connections: number;
  readonly instances: number;
  readonly open_events: number;
  readonly events: number;
  readonly events_closed_by_kong: number;
  readonly handler_errors: number;
  /** Why every event is answered with 500. */
  readonly failure?: string;
}

interface HeldCall {
  readonly peer: Peer;
  readonly payload: Buffer;
}

export class PluginServer implements PeerOwner, EventOwner {
  readonly plugin: LoadedPlugin;
  readonly pluginName: string;
  /** See ticker.ts. */
  tick = 0;

  private readonly path: SocketName;
  private readonly node: WorkersNode | undefined;
  private readonly maxFrameBytes: number;
  private readonly overload: Overload;
  private readonly onReplaced: (wantedStatusPort: number) => Promise<void>;
  private server: Server;
  private readonly instances: Instances;
  private readonly reruns = new Reruns();
  private readonly rareLog = new RareLog();
  private readonly peers = new Roster<Peer>();
  /** How many events are open: each is that of a peer. */
  private openEvents = 0;
  private held: HeldCall[] | undefined;
  private heldBytes = 0;
  /** Of configurations that other workers are told of just now. */
  private startingBytes = 0;
  private wasReplaced = false;
  private refusal: Refusal | undefined;
  private idleWaiters: (() => void)[] = [];
  private events = 0;
  private eventsClosedByKong = 0;
  private handlerErrors = 0;

  constructor({
    plugin,
    socketPath,
    maxFrameBytes = MAX_FRAME_BYTES,
    overload = new Overload(),
    onReplaced = async () => undefined,
    node,
  }: PluginServerOptions) {
    this.plugin = plugin;
    this.pluginName = plugin.name;
    this.path = node?.socket ?? new SocketPath(socketPath);
    this.node = node;
    this.maxFrameBytes = maxFrameBytes;
    this.overload = overload;
    this.onReplaced = onReplaced;
    this.instances = new Instances(plugin, Date.now, this.rareLog);
    if (node !== undefined) this.instances.onClosed = (id) => node.onInstanceClosed(id);
    this.server = createServer((socket) => this.onAccept(socket));
  }

  get socketPath(): string {
    return this.path.path;
  }

  /** Nothing is left of it where it fails, and it may be tried again. @throws SocketPathError */
  async listen(): Promise<void> {
    await this.bind();
    try {
      this.claim();
    } catch (error) {
      this.path.release();
      this.renew();
      throw error;
    }
  }

  /** Listens, under a name that nobody knows yet. @throws SocketPathError */
  async bind(): Promise<void> {
    const target = this.path.prepare();
    await new Promise<void>((resolve, reject) => {
      const onError = (error: Error): void => {
        this.path.release();
        reject(this.path.error(messageOf(error)));
      };
      this.server.once('error', onError);
      const where = typeof target === 'string' ? { path: target } : target;
      this.server.listen({ ...where, backlog: BACKLOG }, () => {
        this.server.off('error', onError);
        resolve();
      });
    });
    // Running out of file descriptors must not end the process: waiting requests still get their answers.
    this.server.on('error', ({ message: reason }) =>
      this.rareLog.write('error', 'accepting connections failed', { ...this.facts(), reason }),
    );
  }

  /** After another process had the name: what listened before has none any more. `claim` follows. @throws SocketPathError */
  async bindAgain(): Promise<void> {
    this.renew();
    await this.bind();
  }

  /** What listened once is not bound again. */
  private renew(): void {
    this.server.close();
    this.server = createServer((socket) => this.onAccept(socket));
  }

  /** Takes the name from whoever has it. @throws SocketPathError */
  claim(): void {
    this.path.claim();
    this.wasReplaced = false;
    log.info('listening', { ...this.facts(), version: this.plugin.version });
  }

  // ---- Taking over, and being replaced: see take-over.ts ------------------------------------------------

  get isHolding(): boolean {
    return this.held !== undefined;
  }

  /** It has had its name, and lets nothing wait. */
  get isServing(): boolean {
    return !this.isHolding && this.path.holder !== 'not taken';
  }

  /** Another process has the name. */
  get isReplaced(): boolean {
    return this.wasReplaced || this.path.holder === 'other';
  }

  /** Calls from Kong wait until `release`, one of each connection: it is not read from any further. */
  hold(): void {
    this.held = [];
  }

  private wait(peer: Peer, held: HeldCall[], payload: Buffer): void {
    this.heldBytes += payload.length;
    if (this.heldBytes > MAX_HELD_BYTES) {
      peer.connection.close();
      return;
    }
    held.push({ peer, payload: Buffer.from(payload) });
    peer.connection.pause();
  }

  release(): void {
    const held = this.held ?? [];
    this.held = undefined;
    this.heldBytes = 0;
    for (const { peer, payload } of held) {
      this.onCall(peer, payload);
      peer.connection.resume();
    }
  }

  /**
   * From now on no event begins here. Answers when, where another plugin goes on with them, no request is on its way there.
   *
   * Whoever may connect can say this, so it is believed only when another socket has the name.
   */
  private async handOver(
    successor: Peer,
    { sequence, isFollowed, wantedStatusPort }: messages.RpcCall & { kind: 'hand_over' },
  ): Promise<void> {
    successor.isTakingOver = true;
    const isBelieved =
      this.node === undefined
        ? this.path.holder === 'other'
        : await this.node.handOver(isFollowed, wantedStatusPort);
    if (!isBelieved) this.warn('a call to hand over was ignored: the name of the socket is still ours');
    else if (this.node === undefined) {
      await this.giveUp(isFollowed, () => !successor.isGone);
      if (!isFollowed && wantedStatusPort !== undefined) await this.onReplaced(wantedStatusPort);
    }
    successor.isTakingOver = false;
    this.answer(successor.connection, messages.encodeReturn(sequence));
  }

  /**
   * The name has gone to another process: from now on no event begins here. Resolves when no request is on its way to the
   * plugin that follows.
   */
  async giveUp(isFollowed: boolean, isAwaited: () => boolean = () => true): Promise<void> {
    if (!this.wasReplaced) {
      const open_events = this.openEvents;
      log.info('another process takes over; this one goes on with what it has', {
        ...this.facts(),
        open_events,
      });
    }
    this.wasReplaced = true;
    while (isFollowed && this.mayFollow() && isAwaited()) await pause(POLL_MS);
  }

  private mayFollow(): boolean {
    return this.openEvents > 0 || (this.plugin.hooks?.between?.() ?? 0) > 0;
  }

  // ---- Life cycle ----------------------------------------------------------------------------------------

  get openEventCount(): number {
    return this.openEvents;
  }

  private allOpenEvents(): PluginEvent[] {
    return [...this.peers].flatMap(({ openEvent }) => openEvent ?? []);
  }

  /** From now on new events are answered with this error. */
  refuseNewEvents(error: GatewayError): void {
    this.refusal ??= new Refusal(error);
  }

  /** Writes this error as the answer of every open event before it returns. */
  refuseOpenEvents(error: GatewayError): void {
    const events = this.allOpenEvents();
    const refusal = new Refusal(error);
    for (const event of events) event.refuse(refusal);
    for (const event of events) event.abortHandler();
  }

  /** Resolves when no event is open. */
  whenIdle(): Promise<void> {
    if (this.openEvents === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /** Resolves when the phase of every event has run. */
  async whenAsked(): Promise<void> {
    while (this.allOpenEvents().some(({ isAsking }) => isAsking)) await pause(POLL_MS);
  }

  /** Resolves at once, or after a take-over when Kong has dropped every connection it had pooled. */
  async whenAbandoned(): Promise<void> {
    while (this.wasReplaced && this.peers.size > 0) await pause(POLL_MS);
  }

  /** Lets Kong drop its pooled connections by itself. Resolves when all are gone. */
  async disconnect(): Promise<void> {
    for (const peer of [...this.peers]) {
      peer.connection.retire();
      // One after the other: an event that meets the end of one is run again, and shall not meet the next. For the
      // start of an instance, which is never run again, that would be a 500.
      for (let polls = 0; !peer.isGone && polls < MAX_RETIRE_POLLS; polls++) await pause(1);
    }
    while (this.peers.size > 0) await pause(POLL_MS);
  }

  /** What Kong has opened goes on. */
  stopAccepting(): void {
    this.server.close();
  }

  /** Stops listening, drops all connections, closes all instances. Idempotent. */
  close(): void {
    this.path.release();
    this.server.close();
    for (const peer of this.peers) peer.end();
    this.instances.closeAll();
  }

  /** Called by the process's one timer. */
  onTick(): void {
    this.tick++;
    for (const peer of this.peers) {
      if (peer.openEvent !== undefined) this.onTickOf(peer.openEvent);
      if (peer.isSilent) this.endSilent(peer);
    }
    this.reruns.sweep();
    this.instances.expire();
    this.rareLog.onTick();
  }

  private onTickOf(event: PluginEvent): void {
    if (this.tick - event.startedTick >= MAX_EVENT_TICKS) {
      log.error('a handler did not end its event in time', { ...this.facts(), phase: event.phase });
      event.refuse(TOO_LATE);
      event.abortHandler();
    } else if (this.tick - event.activeTick >= HEARTBEAT_TICKS) event.heartbeat();
  }

  private endSilent(peer: Peer): void {
    this.warn('whoever is at the other end of a connection does not go on; it is ended');
    const { openEvent } = peer;
    if (openEvent === undefined) peer.drop();
    else {
      openEvent.refuse(SILENT);
      openEvent.abortHandler();
    }
  }

  status(): PluginServerStatus {
    return {
      socket: this.path.path,
      socket_owned: this.path.owned,
      version: this.plugin.version,
      connections: this.peers.size,
      instances: this.instances.size,
      open_events: this.openEvents,
      events: this.events,
      events_closed_by_kong: this.eventsClosedByKong,
      handler_errors: this.handlerErrors,
      ...(this.plugin.failure !== undefined && { failure: this.plugin.failure }),
    };
  }

  brokenConfigurations(): BrokenConfigurationStatus[] {
    return this.instances.brokenConfigurations();
  }

  // ---- Connections ---------------------------------------------------------------------------------------

  private onAccept(socket: Socket): void {
    const peer = new Peer(socket, this, this.overload, this.maxFrameBytes);
    peer.place = this.peers.enter(peer);
    this.overload.connections.add(peer);
  }

  onGone(peer: Peer): void {
    this.peers.leave(peer.place, peer);
    this.overload.connections.delete(peer);
  }

  onCall(peer: Peer, payload: Buffer): void {
    if (peer.isGone) return;
    const { connection, openEvent } = peer;
    if (this.held !== undefined) {
      this.wait(peer, this.held, payload);
      return;
    }
    if (peer.isTakingOver) {
      // Nobody who takes over says more than one thing at a time.
      connection.close();
      return;
    }
    if (openEvent !== undefined) {
      openEvent.failProtocol();
      return;
    }
    let call: messages.RpcCall;
    try {
      call = messages.decodeRpcCall(payload);
    } catch (error) {
      this.warn('closing a connection that sent a malformed call', { reason: String(error) });
      connection.close();
      return;
    }
    this.handle(peer, call);
    connection.pauseUntilRead();
  }

  warn(message: LogMessage, fields: LogFields = {}): void {
    this.rareLog.write('warn', message, { ...this.facts(), ...fields });
  }

  private handle(peer: Peer, call: messages.RpcCall): void {
    const { connection } = peer;
    switch (call.kind) {
      case 'handle_event':
        this.handleEvent(peer, call.sequence, call.instanceId, call.phase);
        return;
      case 'start_instance':
        if (this.node === undefined)
          this.answer(connection, this.statusOf(call.sequence, this.instances.start(call.name, call.config)));
        else void this.startEverywhere(connection, this.node, call);
        return;
      case 'close_instance':
        this.answer(connection, this.statusOf(call.sequence, this.instances.retire(call.instanceId)));
        this.node?.retireInstance(call.instanceId);
        return;
      case 'get_instance_status':
        this.answer(connection, this.statusOf(call.sequence, this.instances.get(call.instanceId)));
        return;
      case 'get_plugin_names':
        this.answer(connection, messages.encodePluginNames(call.sequence, [this.pluginName]));
        return;
      case 'get_plugin_info':
        this.answer(connection, messages.encodePluginInfo(call.sequence, this.plugin));
        return;
      case 'hand_over':
        void this.handOver(peer, call);
        return;
      case 'unknown':
        this.answer(connection, messages.encodeReturn(call.sequence));
        return;
    }
  }

  /** Kong may use the instance on any connection, thus in any worker, as soon as it knows the id. */
  private async startEverywhere(
    connection: Connection,
    node: WorkersNode,
    { sequence, name, config }: messages.RpcCall & { kind: 'start_instance' },
  ): Promise<void> {
    const configBytes = config.length;
    this.startingBytes += configBytes;
    // Whoever starts many at once, and does not wait for the answers, as Kong does, is not listened to meanwhile.
    connection.pause();
    try {
      if (this.startingBytes > MAX_HELD_BYTES) throw new Error('too many are being started');
      const id = await node.startInstance(name, config);
      this.answer(connection, this.statusOf(sequence, this.instances.get(id)));
      connection.resume();
    } catch (error) {
      this.warn('an instance could not be made known to the workers', { reason: String(error) });
      connection.close();
    } finally {
      this.startingBytes -= configBytes;
    }
  }

  /** Another worker has started it, or it was there before this one. */
  adoptInstance(known: KnownInstance): void {
    this.instances.adopt(known);
  }

  retireInstance(id: number): void {
    this.instances.retire(id);
  }

  private answer(connection: Connection, frame: Buffer): void {
    connection.send(frame);
    connection.flush();
  }

  /** Never the configuration: it holds secrets. */
  private statusOf(sequence: number, instance: Instance | undefined): Buffer {
    if (instance === undefined) return messages.encodeReturn(sequence);
    const { id, startedAtMs } = instance;
    const startedAt = Math.floor(startedAtMs / 1000);
    return messages.encodeInstanceStatus(sequence, { name: this.pluginName, instanceId: id, startedAt });
  }

  // ---- Events --------------------------------------------------------------------------------------------

  private handleEvent(peer: Peer, sequence: number, instanceId: number, phase: string): void {
    const instance = this.wasReplaced ? undefined : this.instances.get(instanceId);
    if (instance === undefined) {
      // The one right use of closing: Kong starts a new instance and runs the event again. Nothing has happened yet.
      // After a take-over the connection is one of those that Kong had pooled, and a new one leads to the successor.
      const message = 'Kong used an instance this process does not have; it will start a new one';
      if (!this.wasReplaced) this.rareLog.write('info', message, this.facts());
      peer.connection.close();
      return;
    }
    const event = new PluginEvent(peer.connection, this, instance, phase, sequence, workOf(instance, phase));
    const refusal = this.refusal ?? (this.mayShed(phase) ? this.overload.refusal() : undefined);
    const isDropped = phase === LOG_PHASE && this.overload.dropsLogEvent();
    peer.event = event;
    this.events++;
    instance.eventsInFlight++;
    instance.usedAtMs = Date.now();
    this.openEvents++;
    this.overload.openEvents++;
    if (refusal !== undefined) event.refuse(refusal);
    else if (isDropped) event.pass();
    else event.start();
  }

  private mayShed(phase: string): boolean {
    return this.plugin.continues === undefined && FIRST_PHASES.has(phase);
  }

  /** @throws GatewayError `overloaded` */
  reserveBytes(sizeBytes: number): void {
    if (!this.overload.reserve(sizeBytes)) throw tooManyBytes(sizeBytes);
  }

  get holdsHandlers(): boolean {
    return this.reruns.anyExhausted;
  }

  isExhausted(requestId: string, phase: string): boolean {
    return this.reruns.isExhausted(requestId, phase);
  }

  onEnd(event: PluginEvent, how: EventEnd): void {
    event.instance.eventsInFlight--;
    this.openEvents--;
    this.overload.openEvents--;
    this.overload.add(-event.reservedBytes);
    event.reservedBytes = 0;
    if (how === 'closed') {
      this.eventsClosedByKong++;
      if (event.requestId !== undefined) this.reruns.record(event.requestId, event.phase);
    }
    if (this.openEvents === 0 && this.idleWaiters.length > 0) {
      for (const resolve of this.idleWaiters.splice(0)) resolve();
    }
  }

  countError(): boolean {
    return this.handlerErrors++ === 0;
  }

  private facts(): Record<string, unknown> {
    return { plugin: this.pluginName, socket: this.path.path };
  }
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

/**
 * An instance that cannot work fails every event; a phase the plugin does not have is none of its business, and a
 * name that is no phase must not reach its other members, such as `close`.
 */
function workOf({ served, plans }: Instance, phase: string): Handler | ReadPlan {
  const plan = plans.get(phase);
  if (plan !== undefined) return plan;
  if (served instanceof BrokenConfiguration) {
    return () => {
      throw served;
    };
  }
  if (!isPhase(phase)) return () => undefined;
  return (kong) => (served as Record<string, Handler | undefined>)[phase]?.(kong);
}

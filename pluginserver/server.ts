/**
 * One plugin on one Unix socket: accepts Kong's workers, starts instances, runs events.
 *
 * One socket per plugin, because Kong counts messages per plugin and would mix up two that share a path.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { GatewayError } from '../bridge/errors';
import { log } from '../bridge/telemetry/log';
import { Connection, type ConnectionOwner } from './connection';
import { PluginEvent, type EventEnd, type EventOwner, type Handler } from './event';
import { MAX_FRAME_BYTES } from './frames';
import { Instances, type Instance } from './instances';
import * as messages from './messages';
import type { LoadedPlugin } from './plugin-loader';
import { Reruns } from './reruns';
import { messageOf, SocketPath } from './socket-path';
import { HEARTBEAT_TICKS, MAX_EVENT_TICKS } from './ticker';

/** Node's default of 511 loses connections when thousands of requests arrive at once. */
const BACKLOG = 4096;

export interface PluginServerOptions {
  readonly plugin: LoadedPlugin;
  readonly socketPath: string;
  /** Largest frame that is taken from Kong; default 32 MiB. */
  readonly maxFrameBytes?: number;
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
}

interface Peer {
  readonly socket: Socket;
  event: PluginEvent | undefined;
}

export class PluginServer implements ConnectionOwner, EventOwner {
  readonly plugin: LoadedPlugin;
  readonly pluginName: string;
  /** See ticker.ts. */
  tick = 0;

  private readonly path: SocketPath;
  private readonly maxFrameBytes: number;
  private readonly server: Server;
  private readonly instances: Instances;
  private readonly reruns = new Reruns();
  private readonly peers = new Map<Connection, Peer>();
  private readonly openEvents = new Map<PluginEvent, Instance>();
  private refusal: GatewayError | undefined;
  private idleWaiters: (() => void)[] = [];
  private events = 0;
  private eventsClosedByKong = 0;
  private handlerErrors = 0;

  constructor({ plugin, socketPath, maxFrameBytes = MAX_FRAME_BYTES }: PluginServerOptions) {
    this.plugin = plugin;
    this.pluginName = plugin.name;
    this.path = new SocketPath(socketPath);
    this.maxFrameBytes = maxFrameBytes;
    this.instances = new Instances(plugin);
    this.server = createServer((socket) => this.onAccept(socket));
  }

  /** @throws SocketPathError */
  async listen(): Promise<void> {
    this.path.prepare();
    await new Promise<void>((resolve, reject) => {
      const onError = (error: Error): void => reject(this.path.error(messageOf(error)));
      this.server.once('error', onError);
      this.server.listen({ path: this.path.bindPath, backlog: BACKLOG }, () => {
        this.server.off('error', onError);
        resolve();
      });
    });
    // Running out of file descriptors must not end the process: waiting requests still get their answers.
    this.server.on('error', (error) => log.error('accepting connections failed', { ...this.facts(), error }));
    this.path.claim();
    log.info('listening', { ...this.facts(), version: this.plugin.version });
  }

  // ---- Life cycle ----------------------------------------------------------------------------------------

  get openEventCount(): number {
    return this.openEvents.size;
  }

  /** From now on new events are answered with this error. */
  refuseNewEvents(error: GatewayError): void {
    this.refusal ??= error;
  }

  /** Writes this error as the answer of every open event before it returns. */
  refuseOpenEvents(error: GatewayError): void {
    const events = [...this.openEvents.keys()];
    for (const event of events) event.refuse(error);
    for (const event of events) event.abortHandler();
  }

  /** Resolves when no event is open. */
  whenIdle(): Promise<void> {
    if (this.openEvents.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /** Stops listening, drops all connections, closes all instances. Idempotent. */
  close(): void {
    this.path.release();
    this.server.close();
    for (const { socket } of this.peers.values()) socket.destroySoon();
    this.instances.closeAll();
  }

  /** Called by the process's one timer. */
  onTick(): void {
    this.tick++;
    for (const event of this.openEvents.keys()) {
      if (this.tick - event.startedTick >= MAX_EVENT_TICKS) {
        log.error('a handler did not end its event in time', { ...this.facts(), phase: event.phase });
        event.refuse(new GatewayError('internal', 'the handler did not end the event in time'));
        event.abortHandler();
      } else if (this.tick - event.activeTick >= HEARTBEAT_TICKS) event.heartbeat();
    }
    this.reruns.sweep();
    this.instances.expire();
  }

  status(): PluginServerStatus {
    return {
      socket: this.path.path,
      socket_owned: this.path.owned,
      version: this.plugin.version,
      connections: this.peers.size,
      instances: this.instances.size,
      open_events: this.openEvents.size,
      events: this.events,
      events_closed_by_kong: this.eventsClosedByKong,
      handler_errors: this.handlerErrors,
    };
  }

  // ---- Connections ---------------------------------------------------------------------------------------

  private onAccept(socket: Socket): void {
    const connection = new Connection(socket, this, this.maxFrameBytes);
    this.peers.set(connection, { socket, event: undefined });
  }

  onClose(connection: Connection): void {
    const event = this.peers.get(connection)?.event;
    this.peers.delete(connection);
    event?.onConnectionClosed();
  }

  onCall(connection: Connection, payload: Buffer): void {
    const peer = this.peers.get(connection);
    if (peer === undefined) return;
    if (peer.event?.open) {
      peer.event.failProtocol();
      return;
    }
    let call: messages.RpcCall;
    try {
      call = messages.decodeRpcCall(payload);
    } catch (error) {
      log.warn('closing a connection that sent a malformed call', { ...this.facts(), reason: String(error) });
      connection.close();
      return;
    }
    this.handle(connection, peer, call);
  }

  private handle(connection: Connection, peer: Peer, call: messages.RpcCall): void {
    switch (call.kind) {
      case 'handle_event':
        this.handleEvent(connection, peer, call.sequence, call.instanceId, call.phase);
        return;
      case 'start_instance':
        this.answer(connection, this.statusOf(call.sequence, this.instances.start(call.name, call.config)));
        return;
      case 'close_instance':
        this.answer(connection, this.statusOf(call.sequence, this.instances.close(call.instanceId)));
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
      case 'unknown':
        this.answer(connection, messages.encodeReturn(call.sequence));
        return;
    }
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

  private handleEvent(
    connection: Connection,
    peer: Peer,
    sequence: number,
    instanceId: number,
    phase: string,
  ): void {
    const instance = this.instances.get(instanceId);
    if (instance === undefined) {
      // The one right use of closing: Kong starts a new instance and runs the event again. Nothing has happened yet.
      log.info('Kong used an instance this process does not have; it will start a new one', this.facts());
      connection.close();
      return;
    }
    const event = new PluginEvent(connection, this, phase, sequence, handlerOf(instance, phase));
    peer.event = event;
    this.events++;
    instance.eventsInFlight++;
    instance.usedAtMs = Date.now();
    this.openEvents.set(event, instance);
    if (this.refusal !== undefined) event.refuse(this.refusal);
    else event.start();
  }

  get holdsHandlers(): boolean {
    return this.reruns.anyExhausted;
  }

  isExhausted(requestId: string, phase: string): boolean {
    return this.reruns.isExhausted(requestId, phase);
  }

  onEnd(event: PluginEvent, how: EventEnd): void {
    const instance = this.openEvents.get(event);
    if (instance !== undefined) instance.eventsInFlight--;
    this.openEvents.delete(event);
    if (how === 'closed') {
      this.eventsClosedByKong++;
      if (event.kongRequestId !== undefined) this.reruns.record(event.kongRequestId, event.phase);
    }
    if (this.openEvents.size === 0 && this.idleWaiters.length > 0) {
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

/** An instance that cannot work fails every event; a phase the plugin does not have is none of its business. */
function handlerOf({ served }: Instance, phase: string): Handler {
  if (served instanceof GatewayError) {
    return () => {
      throw served;
    };
  }
  return (kong) => (served as Record<string, Handler | undefined>)[phase]?.(kong);
}

/** A plugin server in this process, with a plugin made of one function, cleaned up with its test. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setLogSink } from '../../../bridge/telemetry/log';
import { Overload } from '../../../pluginserver/overload';
import type { PlannedPhase, ProcessHooks } from '../../../pluginserver/plugin-module';
import { toPlugin } from '../../../pluginserver/plugin-loader';
import { PluginServer } from '../../../pluginserver/server';
import { FakeKong } from './fake-kong';

type Call<Result = unknown> = (...args: unknown[]) => Promise<Result>;

/** What the handlers of the tests use of the `kong` object; arguments are free, as many tests pass wrong ones. */
export interface Kong {
  readonly signal: AbortSignal;
  readonly onOver: (callback: () => void) => void;
  readonly request: {
    readonly getMethod: Call<string>;
    readonly getPath: Call<string>;
    readonly getHeader: Call<string | undefined>;
    readonly getHeaders: Call<Record<string, string>>;
    readonly getRawBody: Call<Buffer>;
  };
  readonly response: { readonly exit: Call; readonly setStatus: Call };
  readonly nginx: { readonly getVar: Call<string | undefined>; readonly setCtx: Call };
  readonly ctx: { readonly shared: { readonly get: Call; readonly set: Call } };
  readonly log: { readonly notice: Call; readonly setSerializeValue: Call };
  readonly service: {
    readonly request: { readonly setHeader: Call; readonly setPath: Call };
    readonly setTarget: Call;
  };
}
export type TestHandler = (kong: Kong) => unknown;

export interface TestPlugin {
  readonly name?: string;
  readonly access?: TestHandler;
  /** In place of `access`. */
  readonly planned?: PlannedPhase;
  /** In place of `log`. */
  readonly plannedLog?: PlannedPhase;
  readonly log?: TestHandler;
  readonly certificate?: TestHandler;
  readonly onCreate?: (config: unknown) => void;
  readonly onClose?: () => void;
  readonly hooks?: ProcessHooks;
  readonly maxFrameBytes?: number;
  readonly continues?: string;
  readonly overload?: Overload;
}

export interface Serving {
  readonly server: PluginServer;
  readonly path: string;
  readonly folder: string;
  readonly logged: Record<string, unknown>[];
  readonly connect: () => Promise<FakeKong>;
  /** A connection with a started instance and, on it, an event whose request id was answered. */
  readonly startEvent: (requestId?: string) => Promise<FakeKong>;
}

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ps-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function serve(t: TestContext, plugin: TestPlugin): Promise<Serving> {
  const folder = temporaryFolder(t);
  const path = join(folder, 'plugin.sock');
  const logged = captureLog(t);
  const overload = plugin.overload ?? new Overload();
  const server = new PluginServer({
    overload,
    plugin: toPlugin(moduleOf(plugin), folder),
    socketPath: path,
    ...(plugin.maxFrameBytes === undefined ? {} : { maxFrameBytes: plugin.maxFrameBytes }),
  });
  await server.listen();
  const peers: FakeKong[] = [];
  t.after(async () => {
    for (const peer of peers) peer.socket.destroy();
    await eventually(() => server.openEventCount === 0, 'events are still open at the end of the test');
    server.close();
    await eventually(() => server.status().connections === 0, 'connections are left at the end of the test');
    assert.equal(server.status().instances, 0);
    const { open_events, bytes_in_flight } = overload.status();
    assert.deepEqual({ open_events, bytes_in_flight }, { open_events: 0, bytes_in_flight: 0 });
  });
  const connect = async (): Promise<FakeKong> => {
    const peer = await FakeKong.connect(path);
    peers.push(peer);
    return peer;
  };
  const startEvent = async (requestId = 'req-1'): Promise<FakeKong> => {
    const kong = await connect();
    kong.handleEvent(await kong.startInstance(server.pluginName));
    await kong.answerRequestId(requestId);
    return kong;
  };
  return { server, path, folder, logged, connect, startEvent };
}

function moduleOf(plugin: TestPlugin): object {
  const { name = 'demo', access, planned, plannedLog, log, certificate } = plugin;
  const { onCreate, onClose, hooks, continues } = plugin;
  class Plugin {
    readonly planned = {
      ...(planned && { access: planned }),
      ...(plannedLog && { log: plannedLog }),
    };
    constructor(config: unknown) {
      onCreate?.(config);
    }
    access(kong: Kong): unknown {
      return access?.(kong);
    }
    log(kong: Kong): unknown {
      return log?.(kong);
    }
    certificate(kong: Kong): unknown {
      return certificate?.(kong);
    }
    close(): void {
      onClose?.();
    }
  }
  return { Plugin, Name: name, Version: '1.2.3', Priority: 7, Process: hooks, Continues: continues };
}

export function captureLog(t: TestContext): Record<string, unknown>[] {
  const logged: Record<string, unknown>[] = [];
  t.after(setLogSink((line) => logged.push(JSON.parse(line) as Record<string, unknown>)));
  return logged;
}

/** Waits for something that another side of a socket brings about; turns of the loop, not time. */
export async function eventually(
  condition: () => boolean,
  otherwise: string | (() => string),
): Promise<void> {
  const deadlineMs = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadlineMs) assert.fail(typeof otherwise === 'string' ? otherwise : otherwise());
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A promise and what settles it. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

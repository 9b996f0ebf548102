/** The whole product around a Kafka, as a test uses it: one call, cleaned up with the test. */
import assert from 'node:assert/strict';
import type { Agent } from 'node:http';
import { request as httpRequest } from 'node:http';
import type { Child } from '../../dev/child-process';
import type { PluginForm } from '../../dev/plugin-form';
import { PluginServerProcess, startGatewayProcess } from '../../dev/stack';

/** A route without a service: when nothing answers, Kong says 503 and forwards nothing. */
export interface TestRoute {
  readonly path: string;
  /** Absent: the plugin is not on the route. */
  readonly producer?: Record<string, unknown>;
  readonly consumer?: Record<string, unknown>;
  /** Both in one plugin, in place of the two. */
  readonly requestReply?: Record<string, unknown>;
  readonly log?: Record<string, unknown>;
  /** Kong proxies only where there is a service, also where a plugin has chosen another target. */
  readonly hasService?: boolean;
}

/** A route whose requests wait for a reply, with the plugins in either form: see dev/plugin-form.ts. */
export function waitingRoute(
  form: PluginForm,
  path: string,
  request: Record<string, unknown>,
  reply: Record<string, unknown> = {},
): TestRoute {
  return form === 'pair'
    ? { path, producer: request, consumer: reply }
    : { path, requestReply: { ...request, reply } };
}

export function kongYml(bootstrapServers: string, routes: readonly TestRoute[]): string {
  const bootstrap_servers = bootstrapServers.split(',').map((server) => {
    const [host = '', port] = server.split(':');
    return { host, port: Number(port) };
  });
  const plugin = (name: string, config: Record<string, unknown> | undefined) =>
    config ? [{ name, config }] : [];
  // JSON is YAML.
  return JSON.stringify({
    _format_version: '3.0',
    plugins: [
      {
        name: 'correlation-id',
        config: { header_name: 'Kong-Request-ID', generator: 'uuid', echo_downstream: true },
      },
    ],
    services: [{ name: 'nowhere', url: 'http://kafka-reply.invalid' }],
    routes: routes.map((route) => ({
      ...(route.hasService && { service: 'nowhere' }),
      name: route.path.slice(1).replaceAll('/', '-'),
      paths: [route.path],
      plugins: [
        ...plugin('custom_kafka_producer', route.producer && { bootstrap_servers, ...route.producer }),
        ...plugin('custom_kafka_consumer', route.consumer),
        ...plugin(
          'custom_kafka_request_reply',
          route.requestReply && { bootstrap_servers, ...route.requestReply },
        ),
        ...plugin('custom_kafka_log', route.log && { bootstrap_servers, ...route.log }),
      ],
    })),
  });
}

export class Stack {
  private constructor(
    readonly server: PluginServerProcess,
    readonly gateway: Child,
    readonly url: string,
  ) {}

  static async start(
    bootstrapServers: string,
    routes: readonly TestRoute[],
    options: { flags?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
  ): Promise<Stack> {
    const server = await PluginServerProcess.start(options);
    try {
      const { child, url } = await startGatewayProcess(server, kongYml(bootstrapServers, routes), 0);
      return new Stack(server, child, url);
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.server.stop();
  }

  /** Waits until nothing waits any more, in the process and in the registry; fails when that never comes. */
  async nothingPending(limitMs = 5000): Promise<void> {
    const deadlineMs = performance.now() + limitMs;
    for (;;) {
      const counts = await this.server.pending();
      if (counts.every((count) => count === 0)) return;
      assert.ok(performance.now() < deadlineMs, `still pending: ${JSON.stringify(counts)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
  readonly json: Record<string, unknown>;
  readonly tookMs: number;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
  readonly agent?: Agent;
}

/** One HTTP request, bytes in and bytes out: `fetch` would decode and pool behind the test's back. */
export function ask(
  url: string,
  { method = 'POST', headers = {}, body = '', agent }: Ask = {},
): Promise<Answer> {
  const startedAtMs = performance.now();
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      url,
      {
        method,
        headers: { 'content-length': Buffer.byteLength(body), ...headers },
        ...(agent ? { agent } : { agent: false }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: bytes,
            get json() {
              return JSON.parse(bytes.toString()) as Record<string, unknown>;
            },
            tookMs: performance.now() - startedAtMs,
          });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

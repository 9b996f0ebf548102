/** A gateway with one route per upstream state and a scripted plugin server behind it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { startGateway, type Gateway, type GatewayOptions } from '../../dev/gateway/gateway';
import { ScriptedServer, type ScriptOptions } from './gateway-scripted-server';

export type Protocol = ScriptOptions['protocol'];

export function labDump(protocol: Protocol, name: string, priority = 740, phases = ['access']): object {
  return {
    Protocol: protocol,
    Plugins: [
      {
        Name: name,
        Version: '1.0.0',
        Phases: phases,
        Priority: priority,
        Schema: {
          name,
          fields: [
            {
              config: {
                type: 'record',
                fields: [{ tag: { type: 'string' } }, { timeout: { type: 'integer', default: 1000 } }],
              },
            },
          ],
        },
      },
    ],
  };
}

/** `/<path>` goes to an upstream that answers, `/<path>down` to one that refuses, `/<path>none` has no service. */
export function labConfig(plugin: string, path: string, upstreamPort: number, tag: string): object {
  const plugins = [{ name: plugin, config: { tag } }];
  return {
    _format_version: '3.0',
    services: [
      {
        name: 'up',
        url: `http://127.0.0.1:${upstreamPort}`,
        routes: [{ name: path, paths: [`/${path}`], plugins }],
      },
      {
        name: 'down',
        url: 'http://127.0.0.1:1',
        routes: [{ name: `${path}down`, paths: [`/${path}down`], plugins }],
      },
    ],
    routes: [{ name: `${path}none`, paths: [`/${path}none`], plugins }],
  };
}

/** An HTTP server that answers everything with a fixed text. */
export async function startUpstream(t: TestContext, onRequest = (): void => undefined): Promise<number> {
  const server = createServer((_request, response) => {
    onRequest();
    response.end('from upstream');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

export interface Lab {
  readonly gateway: Gateway;
  readonly server: ScriptedServer;
  readonly logLines: string[];
  /** The same configuration with another value in the plugin's. */
  readonly reloadWith: (tag: string) => void;
}

export async function startLab(
  t: TestContext,
  protocol: Protocol,
  options: Partial<GatewayOptions> = {},
): Promise<Lab> {
  const [plugin, path] = protocol === 'ProtoBuf:1' ? ['lab-a', 'a'] : ['lab-m', 'm'];
  // A tenth of the recorded waits is enough; tests shorten the read timeout alike.
  const server = new ScriptedServer({ protocol, timeScale: 0.1 });
  await server.listen();
  const upstreamPort = await startUpstream(t);
  const logLines: string[] = [];
  const tag = protocol === 'ProtoBuf:1' ? 'A' : 'M';
  const gateway = await startGateway({
    config: labConfig(plugin, path, upstreamPort, tag),
    pluginServers: [{ name: plugin, socketPath: server.socketPath, dump: labDump(protocol, plugin) }],
    onLog: (line) => logLines.push(`[${line.level}] ${line.message}`),
    ...options,
  });
  t.after(async () => {
    await gateway.close();
    await server.close();
  });
  const reloadWith = (newTag: string): void => gateway.reload(labConfig(plugin, path, upstreamPort, newTag));
  return { gateway, server, logLines, reloadWith };
}

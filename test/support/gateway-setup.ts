/** A gateway with one route and one plugin, whose server is a handler of the test. */
import type { TestContext } from 'node:test';
import { startGateway, type Gateway, type GatewayOptions, type LogLine } from '../../dev/gateway/gateway';
import { labDump } from './gateway-lab';
import { PluginServer, type Handler } from './gateway-plugin-server';

export interface Setup {
  readonly gateway: Gateway;
  readonly server: PluginServer;
  readonly log: LogLine[];
}

/** One route `/` without a service, and whatever else the test brings. */
export async function setup(
  t: TestContext,
  handler: Handler,
  more: { plugins?: object[]; route?: object; options?: Partial<GatewayOptions> } = {},
): Promise<Setup> {
  const server = await PluginServer.start(t, handler);
  const log: LogLine[] = [];
  const gateway = await startGateway({
    config: {
      _format_version: '3.0',
      routes: [
        { name: 'all', paths: ['/'], ...more.route, plugins: [{ name: 'lab-a' }, ...(more.plugins ?? [])] },
      ],
    },
    pluginServers: [{ name: 'lab-a', socketPath: server.socketPath, dump: labDump('ProtoBuf:1', 'lab-a') }],
    onLog: (line) => log.push(line),
    ...more.options,
  });
  t.after(() => gateway.close());
  return { gateway, server, log };
}

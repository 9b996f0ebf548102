/** What `request` does: asks through the plugins of the route, and reports. */
import { KafkaClients } from '../../bridge/kafka/clients';
import { setLogLevel } from '../../bridge/telemetry/log';
import { CliError, type ExitCode } from '../exit-codes';
import { connectionOrRoutes, routeFrom } from '../kong-config/route-topics';
import { credentialNames, maskOf } from '../masking';
import type { Output } from '../output';
import type { Surroundings } from '../surroundings';
import { ask } from './ask';
import type { RequestCommandFlags } from './command';
import { pluginsOfFlags, pluginsOfRoute, requestOf } from './flags';
import { ObservedClients } from './observed-clients';
import { exitCodeFor, printReport } from './report';

export async function runRequest(
  output: Output,
  flags: RequestCommandFlags,
  surroundings: Surroundings,
): Promise<ExitCode> {
  setLogLevel('error');
  const { plugins, request: asked, connection, maskedNames } = await inputOf(flags, surroundings);
  const clients = new ObservedClients(new KafkaClients({ lingerMs: 0 }), connection);
  const startedAtMs = performance.now();
  const answer = await ask({
    clients,
    plugins,
    request: asked,
    connectTimeoutMs: flags.connectTimeout,
    interrupted: surroundings.interrupted,
  });
  if (!answer) throw new CliError('Interrupted before there was an answer.');
  const { reply } = answer;
  printReport(
    output,
    {
      answer,
      sent: clients.sent[0],
      reply: reply && clients.seenAt(reply.topic, reply.partition, reply.offset),
      startedAtMs,
      endedAtMs: performance.now(),
    },
    {
      verbose: flags.verbose === true,
      include: flags.include === true,
      mask: maskOf([...maskedNames, ...(flags.mask ?? [])]),
    },
  );
  return exitCodeFor(answer);
}

async function inputOf(flags: RequestCommandFlags, surroundings: Surroundings) {
  const named = await routeFrom(flags, surroundings);
  const connection = connectionOrRoutes(named, flags, surroundings);
  const plugins = named ? pluginsOfRoute(named.route, flags) : pluginsOfFlags(flags, connection);
  const request = await requestOf(flags, surroundings.stdin, named?.route);
  return { plugins, request, connection, maskedNames: credentialNames(named?.entities.plugins ?? []) };
}

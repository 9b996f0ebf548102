/** Every check, in the order in which their findings are told. */
import type { Facts } from '../facts';
import { byLevel, type Finding } from '../finding';
import { bodies } from './bodies';
import type { Check } from './check';
import { invalidConfigurations, perConsumer, vaultReferences } from './configurations';
import { crossedTopics } from './crossed-topics';
import { dumpFiles, loadedSchemas } from './dumps';
import { failOpen } from './fail-open';
import { failoverKong, failoverLogPhase, failoverRoutes } from './failover';
import { halves } from './halves';
import {
  clientAbort,
  managedServer,
  pluginsEnabled,
  queryCommands,
  sharedSockets,
  startCommands,
  stockServer,
  twoServers,
} from './kong-settings';
import { kongVersions } from './kong-version';
import { order } from './order';
import { repeatedInPairs, resultsOfPairs, secretsDiffer, secretsMissing } from './results';
import { server } from './server';
import { sockets } from './sockets';
import { streams } from './streams';
import {
  clusters,
  compaction,
  copies,
  ends,
  existence,
  hiddenSettings,
  leaders,
  partitions,
  retention,
  rights,
  sizes,
} from './topics';
import { unasked } from './unasked';

const CHECKS: readonly Check[] = [
  invalidConfigurations,
  perConsumer,
  halves,
  crossedTopics,
  failOpen,
  order,
  resultsOfPairs,
  repeatedInPairs,
  secretsDiffer,
  secretsMissing,
  failoverRoutes,
  failoverKong,
  failoverLogPhase,
  kongVersions,
  pluginsEnabled,
  sharedSockets,
  sockets,
  stockServer,
  twoServers,
  startCommands,
  managedServer,
  clientAbort,
  bodies,
  queryCommands,
  loadedSchemas,
  dumpFiles,
  server,
  streams,
  clusters,
  existence,
  rights,
  leaders,
  copies,
  partitions,
  ends,
  retention,
  compaction,
  sizes,
  hiddenSettings,
  vaultReferences,
  unasked,
];

export function diagnoseAll(facts: Facts): readonly Finding[] {
  return byLevel(CHECKS.flatMap((check) => check(facts)));
}

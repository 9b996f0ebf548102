/** The sub-commands of `kong-kafka`, in the order of the help, and the only place that lists them. */
import type { Command } from 'commander';
import { asyncapiCommand } from './asyncapi/command';
import { completionCommand } from './completion/command';
import { doctorCommand } from './doctor/command';
import { kongConfCommand } from './kong-conf/command';
import { schemaCommand } from './schema/command';
import { migrateCommand } from './migrate/command';
import { requestCommand } from './request/command';
import { respondCommand } from './respond/command';
import { tailCommand } from './tail/command';
import type { Surroundings } from './surroundings';

/** Only describes the command: what it needs beyond that (Kafka, YAML) it loads when it runs. */
export type CommandFactory = (surroundings: Surroundings) => Command;

export const COMMANDS: readonly CommandFactory[] = [
  doctorCommand,
  kongConfCommand,
  schemaCommand,
  requestCommand,
  respondCommand,
  tailCommand,
  migrateCommand,
  asyncapiCommand,
  completionCommand,
];

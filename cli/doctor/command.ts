import { Command } from 'commander';
import { withAction } from '../action';
import { EXIT } from '../exit-codes';
import { repeated } from '../repeated';
import type { Surroundings } from '../surroundings';
import type { DoctorFlags } from './run';

const EXAMPLES = `
Nothing is changed but by --fix-topics, and nothing is sent but by --probe. Secrets are read from the
configurations, and shown nowhere. {vault://env/…} is looked up here; what other vaults hold is not known,
and what depends on it is not checked, which is said. docs/reference/findings.md explains each finding.

Environment, each where the flag is not given:
  KONG_ADMIN_TOKEN        the header Kong-Admin-Token for --admin-url
  KONG_KAFKA_STATUS_TOKEN the token of --status-url

Examples:
  kong-kafka doctor --config kong.yml --kong-conf /etc/kong/kong.conf --status-url http://127.0.0.1:8900
  kong-kafka doctor --admin-url http://127.0.0.1:8001 --fix-topics
  kong-kafka doctor --config kong.yml --probe orders --probe-body order.json
`;

export function doctorCommand(surroundings: Surroundings): Command {
  const command = new Command('doctor')
    .description(
      'Finds what is wrong with the configuration, the plugin server, the topics and the services.',
    )
    .option('--config <file>', 'kong.yml of Kong or decK; or')
    .option('--admin-url <url>', 'Admin API of Kong, with its workspace where it has one')
    .option(
      '--admin-header <name: value>',
      'for the Admin API; repeatable. @<file> as the value reads it',
      repeated,
    )
    .option('--status-url <url>', 'status page of the plugin server, such as http://127.0.0.1:8900')
    .option('--status-token-file <file>', 'token of the status page')
    .option('--kong-conf <file>', 'settings of Kong: kong.conf, or KONG_ variables line by line')
    .option('--kong-version <version>', 'where no Admin API tells it')
    .option('--no-kafka', 'do not ask the brokers')
    .option('--fix-topics', 'make the topics that are missing, after asking')
    .option('--topic-partitions <number>', 'of topics that are made; default: 6')
    .option('--yes', 'do not ask')
    .option(
      '--probe <route>',
      'send a marked request for this route through Kafka and say what its service does',
    )
    .option('--probe-body <file>', 'body of the probe; default: {"probe":true}')
    .option('--probe-content-type <type>', 'of the body; default: application/json')
    .option(
      '--probe-grace-ms <ms>',
      "beyond the route's timeout: how long a late reply is waited for; default: 10000",
    )
    .addHelpText('after', EXAMPLES);
  return withAction<DoctorFlags>(command, surroundings, async (output, flags) => {
    // Loads Kafka, which the help of other commands can do without.
    const { runDoctor } = await import('./run.js');
    return (await runDoctor(output, flags, surroundings)) ? EXIT.fine : EXIT.findings;
  });
}

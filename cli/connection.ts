/**
 * The flags of every command that talks to Kafka by itself, and what they become: the options that the plugins have for
 * it, checked as theirs are. A secret comes from a file or from the environment, since what stands on a command line
 * can be read by everybody on the machine.
 */
import { Option, type Command } from 'commander';
import { readFileSync } from 'node:fs';
import { connectionFromJson, connectionFromOptions } from '../bridge/config/connection-file';
import { GatewayError } from '../bridge/errors';
import type { ConnectionOptions } from '../bridge/kafka/connection';
import { usageError } from './exit-codes';
import { repeated } from './repeated';
import type { Surroundings } from './surroundings';

export { repeated };

export interface ConnectionFlags {
  readonly bootstrap?: string;
  readonly connection?: string;
  readonly tls?: true;
  readonly tlsCa?: string;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  readonly tlsKeyPasswordFile?: string;
  readonly tlsInsecure?: true;
  readonly sasl?: (typeof MECHANISMS)[number];
  readonly user?: string;
  readonly passwordFile?: string;
  readonly oauthTokenUrl?: string;
  readonly oauthClientId?: string;
  readonly oauthClientSecretFile?: string;
  readonly oauthScope?: string[];
}

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const;
const CLIENT_ID = 'kong-kafka';
const DEFAULT_PORT = 9092;

const ENVIRONMENT_HELP = `
Environment, each where the flag is not given:
  KONG_KAFKA_BOOTSTRAP            --bootstrap
  KONG_KAFKA_CONNECTION           --connection, a file
  KONG_KAFKA_USER                 --user
  KONG_KAFKA_PASSWORD             what is in --password-file
  KONG_KAFKA_TLS_KEY_PASSWORD     what is in --tls-key-password-file
  KONG_KAFKA_OAUTH_CLIENT_SECRET  what is in --oauth-client-secret-file
`;

export function withConnectionFlags(command: Command): Command {
  return command
    .option('--bootstrap <host:port,…>', 'brokers to start from; or')
    .option(
      '--connection <file>',
      "JSON with bootstrap_servers, authentication and security as in a plugin's configuration",
    )
    .option('--tls', 'TLS to the brokers')
    .option('--tls-ca <file>', "authorities that may sign the brokers' certificates; default: the system's")
    .option('--tls-certificate <file>', 'certificate of this client, for brokers that ask for one')
    .option('--tls-key <file>', 'private key of --tls-certificate')
    .option('--tls-key-password-file <file>', 'password of --tls-key where that is encrypted')
    .option('--tls-insecure', "take any broker's certificate: for tests")
    .addOption(new Option('--sasl <mechanism>', 'how to log in').choices(MECHANISMS))
    .option('--user <name>', 'user for PLAIN and SCRAM')
    .option('--password-file <file>', 'password of --user')
    .option('--oauth-token-url <url>', 'endpoint that issues tokens for OAUTHBEARER')
    .option('--oauth-client-id <id>', 'client id at --oauth-token-url')
    .option('--oauth-client-secret-file <file>', 'client secret at --oauth-token-url')
    .option('--oauth-scope <scope>', 'scope to ask for; repeatable', repeated)
    .addHelpText('after', ENVIRONMENT_HELP);
}

/** @returns undefined where neither flag nor environment names brokers @throws CliError */
export function connectionFrom(
  flags: ConnectionFlags,
  { env }: Pick<Surroundings, 'env'>,
): ConnectionOptions | undefined {
  // A flag wins over the environment, also over the variable of the other flag.
  const fromFlags = flags.bootstrap !== undefined || flags.connection !== undefined;
  const bootstrap = flags.bootstrap ?? (fromFlags ? undefined : env.KONG_KAFKA_BOOTSTRAP);
  const file = flags.connection ?? (fromFlags ? undefined : env.KONG_KAFKA_CONNECTION);
  if (bootstrap === undefined && file === undefined) return undefined;
  if (bootstrap !== undefined && file !== undefined)
    throw usageError('Give brokers by --bootstrap or by --connection, not by both.');
  if (file !== undefined) return connectionIn(file);
  try {
    return connectionFromOptions(optionsOf(bootstrap!, flags, env), CLIENT_ID);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw usageError(`The flags of the connection do not fit: ${error.detail}.`);
  }
}

/** @throws CliError where no brokers are named */
export function requiredConnection(
  flags: ConnectionFlags,
  surroundings: Pick<Surroundings, 'env'>,
): ConnectionOptions {
  const connection = connectionFrom(flags, surroundings);
  if (connection) return connection;
  throw usageError('Say which brokers, by --bootstrap <host:port> or --connection <file>.');
}

function connectionIn(file: string): ConnectionOptions {
  const text = textOf('--connection', file);
  try {
    return connectionFromJson(text, CLIENT_ID);
  } catch (error) {
    throw usageError(`--connection ${file}: ${(error as Error).message}.`);
  }
}

function optionsOf(bootstrap: string, flags: ConnectionFlags, env: Surroundings['env']): unknown {
  const secret = (flag: string, file: string | undefined, variable: string): string | undefined =>
    // Editors end a file with a line break; no password does.
    file === undefined ? env[variable] : textOf(flag, file).replace(/\r?\n$/, '');
  const pem = (flag: string, file: string | undefined) =>
    file === undefined ? undefined : textOf(flag, file);
  const isOauth = flags.sasl === 'OAUTHBEARER';
  const usesPassword = flags.sasl !== undefined && !isOauth;
  return {
    bootstrap_servers: bootstrap.split(',').map(brokerOf),
    authentication: {
      strategy: flags.sasl && 'sasl',
      mechanism: flags.sasl,
      user: flags.user ?? (usesPassword ? env.KONG_KAFKA_USER : undefined),
      ...((usesPassword || flags.passwordFile !== undefined) && {
        password: secret('--password-file', flags.passwordFile, 'KONG_KAFKA_PASSWORD'),
      }),
      oauthbearer: {
        token_endpoint_url: flags.oauthTokenUrl,
        client_id: flags.oauthClientId,
        ...((isOauth || flags.oauthClientSecretFile !== undefined) && {
          client_secret: secret(
            '--oauth-client-secret-file',
            flags.oauthClientSecretFile,
            'KONG_KAFKA_OAUTH_CLIENT_SECRET',
          ),
        }),
        ...(flags.oauthScope && { scopes: flags.oauthScope }),
      },
    },
    security: {
      ssl: flags.tls === true,
      ssl_verify: flags.tlsInsecure !== true,
      ca_certificate: pem('--tls-ca', flags.tlsCa),
      certificate: pem('--tls-certificate', flags.tlsCertificate),
      key: pem('--tls-key', flags.tlsKey),
      ...((flags.tlsKey !== undefined || flags.tlsKeyPasswordFile !== undefined) && {
        key_password: secret(
          '--tls-key-password-file',
          flags.tlsKeyPasswordFile,
          'KONG_KAFKA_TLS_KEY_PASSWORD',
        ),
      }),
    },
  };
}

function brokerOf(text: string): { host: string; port: number } {
  const [, bracketed, name, port] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text.trim()) ?? [];
  const host = bracketed ?? name;
  if (host === undefined) throw usageError(`--bootstrap needs <host:port>, got "${text}".`);
  return { host, port: port === undefined ? DEFAULT_PORT : Number(port) };
}

function textOf(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw usageError(`${flag}: ${(error as Error).message}.`);
  }
}

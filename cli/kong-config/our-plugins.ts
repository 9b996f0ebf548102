/** The plugins of this package in a configuration of Kong: parsed as they would be in the plugin server. */
import type { ConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import type { FailoverPluginConfig } from '../../plugins/custom_kafka_failover/config';
import type { LogConfig } from '../../plugins/custom_kafka_log/config';
import type { ProducerConfig } from '../../plugins/custom_kafka_producer/config';
import type { RequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { parseFailoverConfig } from '../../plugins/custom_kafka_failover/config';
import { parseLogConfig } from '../../plugins/custom_kafka_log/config';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import type { ConfigParser } from '../../bridge/config/parse';
import { GatewayError } from '../../bridge/errors';
import { PLUGINS, type PluginName } from '../../common/plugins';
import { isTable, type KongEntities, type PluginEntity } from './entities';

export interface ConfigOfPlugin {
  custom_kafka_producer: ProducerConfig;
  custom_kafka_consumer: ConsumerConfig;
  custom_kafka_request_reply: RequestReplyConfig;
  custom_kafka_log: LogConfig;
  custom_kafka_failover: FailoverPluginConfig;
}

export interface OurPlugin<Name extends PluginName = PluginName> {
  readonly name: Name;
  /** For people: `route orders, custom_kafka_producer`. */
  readonly where: string;
  readonly entity: PluginEntity;
  /** Undefined: it cannot work, or has references that are unknown here. */
  readonly config: ConfigOfPlugin[Name] | undefined;
  /** What Kong or the plugin server would refuse, a sentence for each. */
  readonly complaints: readonly string[];
  /** Options whose value is in a vault that only Kong can open. */
  readonly unresolved: readonly string[];
}

const PARSERS: { readonly [Name in PluginName]: ConfigParser<ConfigOfPlugin[Name]> } = {
  custom_kafka_producer: parseProducerConfig,
  custom_kafka_consumer: parseConsumerConfig,
  custom_kafka_request_reply: parseRequestReplyConfig,
  custom_kafka_log: parseLogConfig,
  custom_kafka_failover: parseFailoverConfig,
};

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Those that are enabled.
 * @param env where `{vault://env/…}` looks, as Kong does in its own
 * @param options.keepsReferences a configuration with unknown references is read all the same, with their text in it: for
 *   whoever looks at its other options only
 */
export function ourPlugins(
  entities: KongEntities,
  env: Environment,
  options: { readonly keepsReferences?: boolean } = {},
): readonly OurPlugin[] {
  return entities.plugins.flatMap((entity) => {
    const listed = PLUGINS.find(({ name }) => name === entity.name);
    return listed && entity.enabled ? [ourPlugin(listed.name, entity, entities, { env, ...options })] : [];
  });
}

export function isOurs<Name extends PluginName>(plugin: OurPlugin, name: Name): plugin is OurPlugin<Name> {
  return plugin.name === name;
}

function ourPlugin(
  name: PluginName,
  entity: PluginEntity,
  entities: KongEntities,
  { env, keepsReferences = false }: { readonly env: Environment; readonly keepsReferences?: boolean },
): OurPlugin {
  const unresolved: string[] = [];
  const raw = resolved(entity.config, '', env, unresolved);
  const where = `${scopeOf(entity, entities)}, ${name}`;
  const base = { name, where, entity, unresolved };
  if (unresolved.length > 0 && !keepsReferences) return { ...base, config: undefined, complaints: [] };
  try {
    return { ...base, config: PARSERS[name](raw), complaints: [] };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    // A reference has not the form of a certificate; what it stands for has.
    return {
      ...base,
      config: undefined,
      complaints: unresolved.length > 0 ? [] : PARSERS[name].complaintsAbout(raw),
    };
  }
}

export function scopeOf({ routeId, serviceId }: PluginEntity, entities: KongEntities): string {
  if (routeId !== undefined)
    return `route ${entities.routes.find(({ id }) => id === routeId)?.name ?? routeId}`;
  if (serviceId !== undefined)
    return `service ${entities.services.find(({ id }) => id === serviceId)?.name ?? serviceId}`;
  return 'all routes';
}

const REFERENCE = /^\{vault:\/\/([^/}]+)\/([^}]*)\}$/;

/** A copy in which references to the environment are replaced by what stands there. */
function resolved(value: unknown, path: string, env: Environment, unresolved: string[]): unknown {
  if (Array.isArray(value))
    return value.map((item, index) => resolved(item, `${path}[${index}]`, env, unresolved));
  if (isTable(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        resolved(member, path === '' ? name : `${path}.${name}`, env, unresolved),
      ]),
    );
  const [, vault, reference = ''] = typeof value === 'string' ? (REFERENCE.exec(value) ?? []) : [];
  if (vault === undefined) return value;
  const found = vault === 'env' ? fromEnvironment(reference, env) : undefined;
  if (found === undefined) unresolved.push(path);
  return found ?? value;
}

/** `kafka-password`, or `kafka/password` for a member of JSON; as Kong's env vault names it. */
function fromEnvironment(reference: string, env: Environment): string | undefined {
  const [name = '', member] = reference.replace(/[?#].*$/, '').split('/');
  const written = env[name.toUpperCase().replaceAll('-', '_')];
  if (written === undefined || member === undefined) return written;
  try {
    const table: unknown = JSON.parse(written);
    const found = isTable(table) ? table[member] : undefined;
    return typeof found === 'string' ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Asks Kong, the plugin server and Kafka, and writes down what they say. Whoever does not answer is a fact, too. */
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { redactor } from '../../bridge/kafka/redaction';
import { version } from '../../bridge/version';
import { PLUGINS, type PluginName } from '../../common/plugins';
import { pageFacts } from '../../status/facts';
import { getJson } from '../http';
import { connectBroker, type BrokerConnection } from '../kafka-protocol/broker';
import { describeTopics, describeTopicSettings, KAFKA_ERROR } from '../kafka-protocol/requests';
import {
  readAdminApi,
  readKongNode,
  readPluginSchema,
  type AdminApiOptions,
  type KongNode,
} from '../kong-config/admin-api';
import { readDeclarative } from '../kong-config/declarative';
import { isTable, type Table } from '../kong-config/entities';
import { kongVersion } from '../kong-config/kong-version';
import { ourPlugins } from '../kong-config/our-plugins';
import { entriesIn, type KongSettings } from '../kong-config/settings';
import type { ClusterFacts, Facts, KongFacts, ServerFacts, TopicFacts, Unasked } from './facts';
import { clusterUses, type ClusterUse } from './topic-uses';

export interface Sources {
  /** One of the two is there. */
  readonly config: string | undefined;
  readonly adminApi: AdminApiOptions | undefined;
  readonly status: { readonly url: URL; readonly token: string | undefined } | undefined;
  /** All settings of Kong. */
  readonly settings: KongSettings | undefined;
  /** Instead of what the Admin API says. */
  readonly kongVersion: string | undefined;
  readonly asksKafka: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

export async function gather(sources: Sources): Promise<Facts> {
  const { adminApi, status, progress } = sources;
  const unasked: Unasked[] = [];
  if (adminApi) progress(`Asking the Admin API at ${adminApi.url.origin} ...`);
  const entities = adminApi ? await readAdminApi(adminApi) : await readDeclarative(sources.config!);
  const plugins = ourPlugins(entities, sources.env, { keepsReferences: true });
  const kong = await kongFacts(sources, new Set(plugins.map(({ name }) => name)));
  if (status) progress(`Asking the plugin server at ${status.url.origin} ...`);
  const server = status && (await serverFacts(status, sources.signal));
  const clusters = sources.asksKafka ? await clusterFacts({ entities, plugins }, sources, unasked) : [];
  if (!kong.version)
    unasked.push({ where: 'Kong', why: 'Its version is not known; --admin-url or --kong-version tells it' });
  if (!kong.settings)
    unasked.push({ where: 'Kong', why: 'Its settings are not known; --kong-conf tells them' });
  if (!server)
    unasked.push({ where: 'plugin server', why: 'It was not asked; --status-url says where it is' });
  if (!sources.asksKafka) unasked.push({ where: 'Kafka', why: 'It was not asked' });
  return { version, entities, plugins, kong, server, clusters, unasked };
}

async function kongFacts(sources: Sources, used: ReadonlySet<PluginName>): Promise<KongFacts> {
  const { adminApi, settings } = sources;
  const node = adminApi && (await readKongNode(adminApi));
  const schemas = new Map<PluginName, Table>();
  if (adminApi)
    for (const name of used) {
      const schema = await readPluginSchema(adminApi, name);
      if (schema) schemas.set(name, schema);
    }
  const known = settings ?? (node && node.settings.size > 0 ? node.settings : undefined);
  const entries = known ? entriesIn(known) : [];
  return {
    version: versionOf(sources.kongVersion, node),
    settings: known,
    settingsAreComplete: settings !== undefined,
    rootFailedWith: node?.failedWith,
    installed: node?.plugins ?? new Map(),
    schemas,
    dumpFiles: dumpsOf(entries.map(({ queryCommand }) => queryCommand)),
    socketStates: await socketStates(entries.flatMap(({ socket }) => socket ?? [])),
  };
}

function versionOf(said: string | undefined, node: KongNode | undefined): KongFacts['version'] {
  const text = said ?? node?.version;
  return text === undefined ? undefined : kongVersion(text);
}

/** Only what a `cat` would print, and only files of our names: nothing is run that stands in a file. */
function dumpsOf(commands: readonly (string | undefined)[]): ReadonlyMap<string, string> {
  const names = PLUGINS.map(({ name }) => name).join('|');
  const pattern = new RegExp(`^(?:/\\S*/)?cat (/\\S+/(?:${names})(?:\\.[a-z-]+)?\\.json)$`);
  return new Map(
    commands.flatMap((command): [string, string][] => {
      const [, path] = pattern.exec(command?.trim() ?? '') ?? [];
      if (path === undefined || !existsSync(path)) return [];
      try {
        return [[path, readFileSync(path, 'utf8')]];
      } catch {
        return [];
      }
    }),
  );
}

/** Where the folder is not, Kong is on another machine. */
async function socketStates(paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const here = [...new Set(paths)].filter((path) => existsSync(dirname(path)));
  return new Map(await Promise.all(here.map(async (path) => [path, await socketState(path)] as const)));
}

const SOCKET_LIMIT_MS = 2000;

function socketState(path: string): Promise<string> {
  if (!existsSync(path)) return Promise.resolve('missing');
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (state: string) => {
      resolve(state);
      socket.destroy();
    };
    socket.setTimeout(SOCKET_LIMIT_MS, () => end('ETIMEDOUT'));
    socket.once('connect', () => end('accepts'));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => end(code ?? 'unknown'));
  });
}

const STATUS_LIMIT_MS = 5000;

async function serverFacts(
  { url, token }: NonNullable<Sources['status']>,
  signal: AbortSignal,
): Promise<ServerFacts> {
  const shown = url.origin + url.pathname;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  try {
    const { status, body } = await getJson(statusUrl(url), { headers, signal, limitMs: STATUS_LIMIT_MS });
    if (status !== 200 || !isTable(body))
      return { url: shown, status: undefined, reason: `It answers ${status}` };
    return { url: shown, status: pageFacts(body), reason: undefined };
  } catch (error) {
    return { url: shown, status: undefined, reason: `It cannot be asked: ${(error as Error).message}` };
  }
}

/** The page for people is at `/`, its facts beside it. */
function statusUrl(url: URL): URL {
  return url.pathname.endsWith('/status') ? url : new URL('status', url.href.replace(/\/?$/, '/'));
}

/** Also for a second look at what was changed meanwhile. */
export async function clusterFacts(
  facts: Pick<Facts, 'entities' | 'plugins'>,
  { signal, progress }: Pick<Sources, 'signal' | 'progress'>,
  unasked: Unasked[] = [],
): Promise<readonly ClusterFacts[]> {
  const found: ClusterFacts[] = [];
  for (const use of clusterUses(facts)) {
    if (use.unresolved.length > 0) {
      const why = `Its ${use.unresolved.join(', ')} ${use.unresolved.length === 1 ? 'stands' : 'stand'} in a vault, so it was not asked`;
      unasked.push({ where: `brokers ${use.name}, ${use.where}`, why });
      continue;
    }
    progress(`Asking the brokers ${use.name} about ${use.topics.length} topics ...`);
    found.push(await clusterOf(use, signal));
  }
  return found;
}

const SETTINGS = ['retention.ms', 'min.insync.replicas', 'max.message.bytes', 'cleanup.policy'];

async function clusterOf(
  { key, name, connection, topics }: ClusterUse,
  signal: AbortSignal,
): Promise<ClusterFacts> {
  const base = {
    key,
    name,
    bootstrap: connection.bootstrapServers.join(','),
    user: connection.sasl && 'user' in connection.sasl ? connection.sasl.user : undefined,
  };
  let broker: BrokerConnection | undefined;
  try {
    broker = await connectBroker(connection, signal);
    const layout = await describeTopics(broker, topics);
    const there = layout.topics.filter(({ partitions }) => partitions.length > 0).map((topic) => topic.name);
    const described = there.length === 0 ? [] : await describeTopicSettings(broker, there, SETTINGS);
    const settings = new Map(
      described
        .filter(({ errorCode }) => errorCode === KAFKA_ERROR.none)
        .map((topic) => [topic.name, topic.settings]),
    );
    const facts = layout.topics.map((topic): [string, TopicFacts] => [
      topic.name,
      {
        state: stateOf(topic.errorCode, topic.partitions.length),
        partitions: topic.partitions,
        rights: topic.rights,
        settings: settings.get(topic.name),
      },
    ]);
    return { ...base, reason: undefined, brokers: layout.brokers, topics: new Map(facts) };
  } catch (error) {
    signal.throwIfAborted();
    const reason = redactor(connection)((error as Error).message).replace(/\.$/, '');
    return { ...base, reason, brokers: 0, topics: new Map() };
  } finally {
    broker?.close();
  }
}

function stateOf(errorCode: number, partitions: number): TopicFacts['state'] {
  if (errorCode === KAFKA_ERROR.topicAuthorization) return 'hidden';
  return partitions > 0 ? 'there' : 'missing';
}

/** One run of doctor: flags to sources, facts, findings, and a report of them. */
import { readFileSync } from 'node:fs';
import { setLogLevel } from '../../bridge/telemetry/log';
import { usageError } from '../exit-codes';
import { parseSettings } from '../kong-config/settings';
import { kongVersion } from '../kong-config/kong-version';
import type { Output } from '../output';
import type { Surroundings } from '../surroundings';
import { diagnoseAll } from './checks/all';
import type { Facts } from './facts';
import { byLevel, type Finding } from './finding';
import { isWanted, makeTopics, missingTopics, type MadeTopic } from './fix-topics';
import { clusterFacts, gather, type Sources } from './gather';
import { probe } from './probe/probe';
import { isAboveNote, plural, print } from './report';
import { routeFlows } from './route-flows';
import { clusterUses, connectionOfPlugin } from './topic-uses';

export interface DoctorFlags {
  readonly config?: string;
  readonly adminUrl?: string;
  readonly adminHeader?: readonly string[];
  readonly statusUrl?: string;
  readonly statusTokenFile?: string;
  readonly kongConf?: string;
  readonly kongVersion?: string;
  readonly kafka: boolean;
  readonly fixTopics?: true;
  readonly topicPartitions?: string;
  readonly yes?: true;
  readonly probe?: string;
  readonly probeBody?: string;
  readonly probeContentType?: string;
  readonly probeGraceMs?: string;
}

/** @returns whether nothing above a note was found @throws CliError */
export async function runDoctor(
  output: Output,
  flags: DoctorFlags,
  surroundings: Surroundings,
): Promise<boolean> {
  // What the clients log of a cluster that is away is in the findings.
  setLogLevel('error');
  const sources = sourcesOf(flags, output, surroundings);
  const partitions = integer('--topic-partitions', flags.topicPartitions);
  const graceMs = integer('--probe-grace-ms', flags.probeGraceMs) ?? DEFAULT_GRACE_MS;
  let facts = await gather(sources);
  const probed = flags.probe === undefined ? undefined : routeNamed(flags.probe, facts);

  let made: readonly MadeTopic[] = [];
  if (flags.fixTopics) {
    const missing = missingTopics(facts, partitions);
    if (missing.length > 0 && (flags.yes === true || (await isWanted(missing, surroundings)))) {
      made = await makeTopics(missing, output);
      facts = { ...facts, clusters: await clusterFacts(facts, sources) };
    }
  }
  let findings: readonly Finding[] = diagnoseAll(facts);
  if (probed) {
    const body = flags.probeBody === undefined ? DEFAULT_BODY : fileNamed('--probe-body', flags.probeBody);
    const replies = await probe(probed, {
      body,
      contentType: flags.probeContentType ?? 'application/json',
      graceMs,
      secondReplyMs: SECOND_REPLY_MS,
      otherTopics: otherTopicsFor(probed, facts),
      signal: surroundings.interrupted,
      progress: (text) => output.progress(text),
    });
    findings = byLevel([...replies, ...findings]);
  }
  print(output, { findings, made, looked: lookedAt(facts) });
  return !isAboveNote(findings);
}

const DEFAULT_BODY = Buffer.from('{"probe":true}');
const DEFAULT_GRACE_MS = 10_000;
const SECOND_REPLY_MS = 1000;

function sourcesOf(flags: DoctorFlags, output: Output, { env, interrupted }: Surroundings): Sources {
  if ((flags.config === undefined) === (flags.adminUrl === undefined))
    throw usageError('Say where the configuration is, by --config <file> or by --admin-url <url>.');
  if (flags.kongVersion !== undefined && !kongVersion(flags.kongVersion))
    throw usageError(`--kong-version needs a version such as 3.9.1, got "${flags.kongVersion}".`);
  if (flags.yes && !flags.fixTopics) throw usageError('--yes has no meaning without --fix-topics.');
  if (!flags.kafka && (flags.fixTopics || flags.probe !== undefined))
    throw usageError('--no-kafka does not go with --fix-topics and --probe, which need Kafka.');
  const token =
    flags.statusTokenFile === undefined
      ? env.KONG_KAFKA_STATUS_TOKEN
      : fileNamed('--status-token-file', flags.statusTokenFile).toString().trim();
  return {
    config: flags.config,
    adminApi:
      flags.adminUrl === undefined
        ? undefined
        : {
            url: urlNamed('--admin-url', flags.adminUrl),
            headers: headersOf(flags.adminHeader ?? [], env.KONG_ADMIN_TOKEN),
            signal: interrupted,
          },
    status:
      flags.statusUrl === undefined ? undefined : { url: urlNamed('--status-url', flags.statusUrl), token },
    settings:
      flags.kongConf === undefined
        ? undefined
        : parseSettings(fileNamed('--kong-conf', flags.kongConf).toString()),
    kongVersion: flags.kongVersion,
    asksKafka: flags.kafka,
    env,
    signal: interrupted,
    progress: (text) => output.progress(text),
  };
}

/** `@<file>`, because what stands on a command line can be read by everybody on the machine. */
function headersOf(given: readonly string[], adminToken: string | undefined): Record<string, string> {
  const headers: Record<string, string> = adminToken === undefined ? {} : { 'kong-admin-token': adminToken };
  for (const header of given) {
    const [, name, value = ''] = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):\s*(.*)$/s.exec(header) ?? [];
    if (name === undefined) throw usageError('--admin-header needs <name>: <value>.');
    headers[name.toLowerCase()] = value.startsWith('@')
      ? fileNamed(`--admin-header ${name}`, value.slice(1)).toString().trim()
      : value;
  }
  return headers;
}

function routeNamed(name: string, facts: Facts) {
  const flows = routeFlows(facts);
  const found = flows.find(({ route }) => route.name === name || route.id === name);
  if (found?.find('custom_kafka_request_reply')?.config?.reply.mode === 'result')
    throw usageError(`--probe: route ${name} has mode: result, which sends nothing and gives replies to earlier requests.`); // prettier-ignore
  if (found) return found;
  const known = flows.filter(({ sender }) => sender).map(({ route }) => route.name);
  throw usageError(
    `--probe: there is no route ${name}. Routes with these plugins: ${known.join(', ') || 'none'}.`,
  );
}

/** Where frameworks and mistaken services answer: topics that are configured, and names that are made of the topic's. */
function otherTopicsFor({ sender }: ReturnType<typeof routeNamed>, facts: Facts): readonly string[] {
  const connection = sender && connectionOfPlugin(sender);
  if (!connection || !sender.config) return [];
  const servers = connection.bootstrapServers.join(',');
  const configured = clusterUses(facts)
    .filter((use) => use.connection.bootstrapServers.join(',') === servers)
    .flatMap(({ topics }) => topics);
  const { topic } = sender.config;
  // NestJS answers on the first of these where it is not told otherwise.
  const usual = ['.reply', '-reply', '_reply', '.replies', '-replies', '.response', '-response', '.out'];
  const base = topic.replace(/[._-]?(requests?|in)$/, '');
  const made = [topic, base].flatMap((name) => usual.map((end) => name + end));
  return [...new Set([...configured, ...made])].filter((name) => name !== topic);
}

function lookedAt({ plugins, entities, clusters }: Facts): string {
  const topics = clusters.reduce((sum, cluster) => sum + cluster.topics.size, 0);
  return `${plural(plugins.length, 'plugin')} on ${plural(entities.routes.length, 'route')}, ${plural(topics, 'topic')}:`;
}

function urlNamed(flag: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username + url.password !== '' || url.search !== '')
    throw usageError(`${flag} needs an http or https URL without login and query.`);
  return url;
}

function fileNamed(flag: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw usageError(`${flag}: ${(error as Error).message}.`);
  }
}

function integer(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Number(text);
  throw usageError(`${flag} needs an integer above 0, got "${text}".`);
}

/** The command line of kong-kafka-replay: parsed and checked once, complete afterwards. */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { connectionFromJson } from '../bridge/config/connection-file';
import type { ConnectionOptions } from '../bridge/kafka/connection';
import type { KeptRequest } from './kept-request';
import type { Target } from './send';

export const USAGE = `Usage: kong-kafka-replay --bootstrap <host:port,…> --to <url> [options]

Carries out the requests that custom_kafka_failover has kept: sends each to its service, with the id of its record as
Idempotency-Key, and remembers in Kafka which it has carried out.

  --bootstrap <host:port,…>    brokers; or
  --connection <file>          JSON with bootstrap_servers, authentication and security as in the plugin's configuration
  --topic <name>               default: failed-requests
  --group <id>                 consumer group; default: kong-kafka-replay
  --to <url>                   where requests go: Kong, or the service; repeatable as <service>=<url>
  --header <name: value>       for every request, instead of what the record has; repeatable. @<file> as the value reads it
  --keep-host                  send the Host of the client: for Kong, where routes have hosts; default: that of --to
  --timeout-ms <ms>            of one attempt; default: 30000
  --max-attempts <number>      then the request goes to the dead topic; default: 10
  --back-off-ms <first>,<longest>
                               pause of a service that failed; doubles, with jitter; default: 500,60000
  --rate <number>              most attempts per second; default: no limit
  --only <what>=<value>        status=502, service=orders, path=/orders/ (a beginning), younger=3600, older=60 (seconds);
                               repeatable, all must hold; others are passed over by this group
  --maybe                      also POST and PATCH that an upstream may have carried out before it failed
  --dead-topic <name>          for what cannot be carried out; default: <topic>.dead
  --done-topic <name>          ids that are carried out, compacted; made where it is missing; default: <topic>.done
  --audit-file <path>          a JSON line for each request: who, when, what came back
  --audit-topic <name>         the same as records
  --dry-run                    say what would be done; sends nothing, commits nothing
  --follow                     go on when there is nothing left
  --help, -h

Ends with status 0 when everything was carried out or passed over, 3 when something is in the dead topic. Ctrl-C finishes
what is in flight. Progress is on stderr, the summary on stdout.
`;

export interface ReplayOptions {
  readonly connection: ConnectionOptions;
  readonly topic: string;
  readonly group: string;
  /** By service; the empty name is for all others. */
  readonly targets: ReadonlyMap<string, Target>;
  readonly maxAttempts: number;
  readonly backOff: { readonly firstMs: number; readonly longestMs: number };
  /** Attempts per second; undefined: no limit. */
  readonly rate: number | undefined;
  readonly isWanted: (request: KeptRequest, nowMs: number) => boolean;
  readonly maybe: boolean;
  readonly deadTopic: string;
  readonly doneTopic: string;
  readonly auditFile: string | undefined;
  readonly auditTopic: string | undefined;
  readonly dryRun: boolean;
  readonly follow: boolean;
  readonly operator: string;
}

/** A command line that cannot be followed; the message is one sentence. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @returns undefined for --help @throws UsageError */
export function parseReplayOptions(args: readonly string[]): ReplayOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const { topic } = values;
  const [firstMs, longestMs, ...more] = values['back-off-ms'].split(',').map(Number);
  if (more.length > 0 || !(firstMs! > 0) || !(longestMs! >= firstMs!))
    throw new UsageError(`--back-off-ms needs <first>,<longest>, got "${values['back-off-ms']}".`);
  const deadTopic = values['dead-topic'] ?? `${topic}.dead`;
  const doneTopic = values['done-topic'] ?? `${topic}.done`;
  const auditTopic = values['audit-topic'];
  const topics = [topic, deadTopic, doneTopic, ...(auditTopic === undefined ? [] : [auditTopic])];
  // What is written would be read as a request, without end.
  if (new Set(topics).size < topics.length)
    throw new UsageError('--topic, --dead-topic, --done-topic and --audit-topic need a name each.');
  return {
    connection: connectionFrom(values.bootstrap, values.connection),
    topic,
    group: values.group,
    targets: targetsFrom(
      values.to,
      values.header.map(headerFrom),
      values['keep-host'],
      integer('--timeout-ms', values['timeout-ms']),
    ),
    maxAttempts: integer('--max-attempts', values['max-attempts']),
    backOff: { firstMs: firstMs!, longestMs: longestMs! },
    rate: values.rate === undefined ? undefined : integer('--rate', values.rate),
    isWanted: wantedBy(values.only),
    maybe: values.maybe,
    deadTopic,
    doneTopic,
    auditFile: values['audit-file'],
    auditTopic,
    dryRun: values['dry-run'],
    follow: values.follow,
    operator: userInfo().username,
  };
}

export const FLAGS = {
  bootstrap: { type: 'string' },
  connection: { type: 'string' },
  topic: { type: 'string', default: 'failed-requests' },
  group: { type: 'string', default: 'kong-kafka-replay' },
  to: { type: 'string', multiple: true, default: [] as string[] },
  header: { type: 'string', multiple: true, default: [] as string[] },
  'keep-host': { type: 'boolean', default: false },
  'timeout-ms': { type: 'string', default: '30000' },
  'max-attempts': { type: 'string', default: '10' },
  'back-off-ms': { type: 'string', default: '500,60000' },
  rate: { type: 'string' },
  only: { type: 'string', multiple: true, default: [] as string[] },
  maybe: { type: 'boolean', default: false },
  'dead-topic': { type: 'string' },
  'done-topic': { type: 'string' },
  'audit-file': { type: 'string' },
  'audit-topic': { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  follow: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: FLAGS,
    }).values;
  } catch (error) {
    const [sentence] = (error as Error).message.split('. ');
    throw new UsageError(`${(sentence as string).replace(/\.$/, '')}. See --help.`);
  }
}

function connectionFrom(bootstrap: string | undefined, file: string | undefined): ConnectionOptions {
  if ((bootstrap === undefined) === (file === undefined))
    throw new UsageError('Give --bootstrap or --connection. See --help.');
  if (bootstrap !== undefined)
    return { bootstrapServers: bootstrap.split(','), clientId: 'kong-kafka-replay' };
  try {
    return connectionFromJson(readFileSync(file!, 'utf8'), 'kong-kafka-replay');
  } catch (error) {
    throw new UsageError(`--connection ${file}: ${(error as Error).message}.`);
  }
}

function targetsFrom(
  texts: readonly string[],
  headers: readonly (readonly [string, string])[],
  keepsHost: boolean,
  timeoutMs: number,
): ReadonlyMap<string, Target> {
  if (texts.length === 0) throw new UsageError('--to says where requests go, and is missing.');
  return new Map(
    texts.map((text) => {
      const [, service = '', url = ''] = /^(?:([^=/:]+)=)?(.*)$/s.exec(text) ?? [];
      const baseUrl = URL.canParse(url) ? new URL(url) : undefined;
      // Not told, as a login may be in it.
      if (
        !baseUrl ||
        !/^https?:$/.test(baseUrl.protocol) ||
        baseUrl.search ||
        baseUrl.username ||
        baseUrl.password
      )
        throw new UsageError('--to needs an http or https URL without query and login.');
      return [service, { baseUrl, headers, keepsHost, timeoutMs }] as const;
    }),
  );
}

/** `@<file>`, because what stands on a command line can be read by everybody on the machine. */
function headerFrom(text: string): readonly [string, string] {
  const [, name, given = ''] = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):\s*(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new UsageError('--header needs <name>: <value>.');
  if (!given.startsWith('@')) return [name, given];
  try {
    return [name, readFileSync(given.slice(1), 'utf8').trim()];
  } catch (error) {
    throw new UsageError(`--header ${name}: ${(error as Error).message}.`);
  }
}

function wantedBy(rules: readonly string[]): ReplayOptions['isWanted'] {
  const tests = rules.map((rule) => {
    const [, what = '', value = ''] = /^(\w+)=(.+)$/s.exec(rule) ?? [];
    const test = Object.hasOwn(FILTERS, what) ? FILTERS[what]?.(value) : undefined;
    if (test === undefined)
      throw new UsageError(`--only needs status, service, path, younger or older =<value>, got "${rule}".`);
    return test;
  });
  return (request, nowMs) => tests.every((test) => test(request, nowMs));
}

type Filter = (request: KeptRequest, nowMs: number) => boolean;

const FILTERS: Readonly<Record<string, (value: string) => Filter | undefined>> = {
  status:
    (value) =>
    ({ status }) =>
      String(status) === value,
  service:
    (value) =>
    ({ service }) =>
      service === value,
  path:
    (value) =>
    ({ uri }) =>
      uri.startsWith(value),
  younger: (value) => byAge(value, (ageMs, limitMs) => ageMs < limitMs),
  older: (value) => byAge(value, (ageMs, limitMs) => ageMs > limitMs),
};

function byAge(seconds: string, holds: (ageMs: number, limitMs: number) => boolean): Filter | undefined {
  if (!/^\d+$/.test(seconds)) return undefined;
  return ({ timestampMs }, nowMs) => holds(nowMs - timestampMs, Number(seconds) * 1000);
}

function integer(flag: string, text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value > 0) return value;
  throw new UsageError(`${flag} needs an integer above 0, got "${text}".`);
}

/** The command line of `request`, as the plugins and the request that it asks for. */
import { readFileSync } from 'node:fs';
import { GatewayError } from '../../bridge/errors';
import type { ConnectionOptions } from '../../bridge/kafka/connection';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { parseProducerConfig } from '../../plugins/custom_kafka_producer/config';
import { usageError } from '../exit-codes';
import { workingConfig, type KafkaRoute } from '../kong-config/kafka-routes';
import { isOurs } from '../kong-config/our-plugins';
import type { RoutePlugins } from './ask';
import type { CliRequest } from './http-request';

export interface RequestFlags {
  readonly route?: string;
  readonly topic?: string;
  readonly replyTopic?: string;
  readonly dialect?: string[];
  readonly format?: string;
  readonly key?: string;
  readonly match?: string;
  readonly matchName?: string;
  readonly timeout?: number;
  readonly method?: string;
  readonly path?: string;
  readonly header?: string[];
  readonly data?: string;
}

/** The key travels in a header of the request that does not get into the record. */
const KEY_HEADER = 'kong-kafka-key';
/** Somebody's mistake, rather than a record that could be sent. */
const MOST_BODY_BYTES = 64 * 1024 * 1024;

/** Flags that make no sense beside a configuration, which says it all. */
const INSTEAD_OF_ROUTE = ['topic', 'replyTopic', 'dialect', 'format', 'key', 'match', 'matchName'] as const;

export function pluginsOfRoute(route: KafkaRoute, flags: RequestFlags): RoutePlugins {
  const given = INSTEAD_OF_ROUTE.find((name) => flags[name] !== undefined);
  if (given !== undefined)
    throw usageError(`--${dashed(given)} cannot be combined with --config: the route says it.`);
  const { request, consumer } = route;
  const { timeout } = flags;
  const overridden = timeout === undefined ? {} : { timeout, timeout_ceiling: 0 };
  if (isOurs(request, 'custom_kafka_request_reply')) {
    const config = workingConfig(request);
    if (config.reply.mode === 'stream') throw asksInVain(request.where);
    return { requestReply: { ...config, reply: { ...config.reply, ...overridden } } };
  }
  const producer = workingConfig(request);
  if (producer.reply_topic === undefined) return { producer, consumer: undefined };
  if (!consumer)
    throw usageError(`${request.where} has a reply_topic, and there is no custom_kafka_consumer on the route to wait for the reply.`); // prettier-ignore
  const wait = workingConfig(consumer);
  if (wait.mode === 'stream') throw asksInVain(consumer.where);
  return { producer, consumer: { ...wait, ...overridden } };
}

/** Such replies leave by a port of the plugin server, through Kong. */
const asksInVain = (where: string): Error =>
  usageError(
    `${where} has mode: stream, which gives replies through Kong alone; kong-kafka tail shows them.`,
  );

/** @throws CliError with what the plugins say of the flags */
export function pluginsOfFlags(flags: RequestFlags, { bootstrapServers }: ConnectionOptions): RoutePlugins {
  if (flags.topic === undefined) throw usageError('Say where the record goes, by --topic or by --config.');
  const raw = {
    bootstrap_servers: bootstrapServers.map(serverOf),
    topic: flags.topic,
    reply_topic: flags.replyTopic,
    dialects: flags.dialect,
    message_format: flags.format,
    ...(flags.key !== undefined && { key_source: 'header', key_name: KEY_HEADER }),
    headers: {
      forward_all_by_default: true,
      // A credential only goes along where its full name is given, as somebody has done here.
      include_headers: headersOf(flags).map(([name]) => name),
      exclude_headers: [KEY_HEADER, 'host'],
    },
    max_request_bytes: 16_777_216,
  };
  const wait = { timeout: flags.timeout, match: flags.match, match_name: flags.matchName };
  try {
    const producer = parseProducerConfig(withoutUndefined(raw));
    const consumer = parseConsumerConfig(withoutUndefined({ ...wait, max_reply_bytes: 16_777_216 }));
    return { producer, consumer: flags.replyTopic === undefined ? undefined : consumer };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw usageError(`The flags do not fit: ${error.detail}.`);
  }
}

/** @param stdin is read for `-d @-` */
export async function requestOf(
  flags: RequestFlags,
  stdin: NodeJS.ReadableStream,
  route: KafkaRoute | undefined,
): Promise<CliRequest> {
  const body = flags.data === undefined ? Buffer.alloc(0) : await bodyOf(flags.data, stdin);
  const headers: Record<string, string | string[]> = { host: 'kong-kafka' };
  for (const [name, value] of headersOf(flags)) {
    const before = headers[name.toLowerCase()];
    headers[name.toLowerCase()] = before === undefined ? value : [before, value].flat();
  }
  if (flags.key !== undefined) headers[KEY_HEADER] = flags.key;
  if (flags.data !== undefined && headers['content-type'] === undefined && isJson(body))
    headers['content-type'] = 'application/json';
  const plainPath = route?.route.paths.find((path) => path.startsWith('/'));
  return {
    method: flags.method ?? usualMethod(flags, route?.route.methods ?? []),
    uri: flags.path ?? plainPath ?? '/',
    headers,
    body,
    route: route?.route,
  };
}

/** @param taken by the route; none: all */
function usualMethod({ data }: RequestFlags, [first, ...others]: readonly string[]): string {
  const usual = data === undefined ? 'GET' : 'POST';
  return first === undefined || others.includes(usual) ? usual : first;
}

async function bodyOf(data: string, stdin: NodeJS.ReadableStream): Promise<Buffer> {
  if (!data.startsWith('@')) return Buffer.from(data);
  if (data === '@-') return readAll(stdin);
  try {
    return readFileSync(data.slice(1));
  } catch (error) {
    throw usageError(`--data: ${(error as Error).message}.`);
  }
}

async function readAll(stdin: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk as string));
    bytes += chunks.at(-1)!.length;
    if (bytes > MOST_BODY_BYTES) throw usageError(`--data: stdin has more than ${MOST_BODY_BYTES} bytes.`);
  }
  return Buffer.concat(chunks);
}

function headersOf({ header = [] }: RequestFlags): [name: string, value: string][] {
  return header.map((text) => {
    const [, name, value] = /^([A-Za-z0-9!#$%&'+.^_`|~-]+):\s*([^\r\n\0]*)$/.exec(text) ?? [];
    if (name === undefined)
      throw usageError(`--header needs <name: value>, got "${text.replace(/:.*$/s, ': …')}".`);
    return [name, value ?? ''];
  });
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString());
    return true;
  } catch {
    return false;
  }
}

function serverOf(server: string): { host: string; port: number } {
  const at = server.lastIndexOf(':');
  return { host: server.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(server.slice(at + 1)) };
}

const withoutUndefined = (table: object): object =>
  Object.fromEntries(Object.entries(table).filter(([, value]) => value !== undefined));

const dashed = (flag: string): string => flag.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);

/** What the runner has to know of a framework: how its service is built and started, and what clients may expect. */
import type { PluginForm } from '../../dev/plugin-form';
import type { SchemaInRegistry } from '../../dev/registry/apicurio';
import { waitingRoute, type TestRoute } from '../support/stack';

/** Stands in routes for the schema registry, which has its address when it runs. */
export const REGISTRY_URL = 'http://registry:8081';

export interface Framework {
  /** Name of the folder below services/, and on the command line. */
  readonly name: string;
  readonly title: string;
  /** The file of the service that pins the version, and where in it. */
  readonly version: { readonly file: string; readonly pattern: RegExp };
  /** Builds the service; run in a copy of its folder. The first word of the first one is looked for beforehand. */
  readonly build: readonly (readonly string[])[];
  /** @param home the folder in which the service was built */
  start(home: string): Promise<ServiceCommand> | ServiceCommand;
  readonly routes: readonly TestRoute[];
  /** What must be in a schema registry, by subject. Absent: it needs none. */
  readonly subjects?: Readonly<Record<string, SchemaInRegistry>>;
  /** Where the many requests go. */
  readonly path: string;
  readonly cases: readonly Case[];
}

export interface ServiceCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** One request that is no everyday order, and the answer a person would expect. */
export interface Case {
  /** What happens in the service. */
  readonly name: string;
  readonly path: string;
  readonly body: string;
  /** How often it is sent, each time with the same outcome. Default 1. */
  readonly times?: number;
  readonly expected: Expected;
  /** What the framework does, and so why the client gets this. */
  readonly because: string;
}

export interface Expected {
  readonly status: number;
  /** The `code` of an error of ours. Absent: the body is the service's. */
  readonly code?: string;
  /** The whole body, if it is the service's. */
  readonly body?: string;
}

export function order(item: string, quantity: number): string {
  return JSON.stringify({ item, quantity });
}

/** Requests and replies of one service, and how long a client waits. */
export function route(
  path: string,
  topics: string,
  options: Pick<TestRoute, 'producer' | 'consumer'> & { timeoutMs?: number } = {},
): TestRoute {
  return {
    path,
    producer: { topic: `${topics}.requests`, reply_topic: `${topics}.replies`, ...options.producer },
    consumer: { timeout: options.timeoutMs ?? PATIENCE_MS, ...options.consumer },
  };
}

/** With the name the service has for it, and the value that it sends for an order of one book. */
const ONE_BOOK = {
  body: order('book', 1),
  times: 20,
  expected: { status: 200, body: '{"status":"accepted","item":"book"}' },
};

/** Replies that go where each request says, to a topic that only this gateway reads. */
export function ownTopic(path: string, topics: string): { route: TestRoute; case: Case } {
  return {
    route: route(path, topics, {
      producer: { reply_topic: `${topics}.{node}`, reply_routing: 'topic' },
    }),
    case: {
      ...ONE_BOOK,
      name: 'nothing goes wrong, and each gateway has a reply topic of its own',
      path,
      because: '`reply_routing: topic`: the service answers in the topic that the request names.',
    },
  };
}

/** Replies that go into the partition that each request names; by chance all would do so once in 4^20 runs. */
export function ownPartition(
  path: string,
  topics: string,
  dialect: string,
): { route: TestRoute; case: Case } {
  return {
    route: route(path, topics, {
      producer: { reply_routing: 'partition', reply_partition: 2, dialects: [dialect] },
    }),
    case: {
      ...ONE_BOOK,
      name: 'nothing goes wrong, and each gateway reads one partition',
      path,
      because: '`reply_routing: partition`: the service answers in the partition that the request names.',
    },
  };
}

/** Routes of both forms stand beside each other: what all paths of this one begin with. */
export function pathPrefix(form: PluginForm): string {
  return form === 'pair' ? '' : `/${form}`;
}

/** The route of a service with the plugins in this form. */
export function routeIn(form: PluginForm, { path, producer, consumer }: TestRoute): TestRoute {
  return waitingRoute(form, pathPrefix(form) + path, producer ?? {}, replyOptions(form, consumer));
}

/** The one plugin has its registry once, for both ways. */
function replyOptions(form: PluginForm, consumer: TestRoute['consumer'] = {}): Record<string, unknown> {
  const { schema_registry, ...reply } = consumer;
  return form === 'pair' && schema_registry !== undefined ? consumer : reply;
}

/** The plugin options its requests need beside topics and timeout, as a person would write them. */
export function pluginOptions(
  { routes, path }: Pick<Framework, 'routes' | 'path'>,
  form: PluginForm = 'pair',
): string {
  const { producer = {}, consumer = {} } = routes.find((each) => each.path === path) ?? {};
  const reply = replyOptions(form, consumer);
  const both = [...written(producer), ...written(reply, form === 'pair' ? '' : 'reply.')];
  // The registry is an option of either.
  const options = [...new Set(both)];
  return options.length === 0 ? 'defaults' : options.join(', ');
}

function written(options: Record<string, unknown>, prefix = ''): string[] {
  return Object.entries(options)
    .filter(([name]) => !EVERYWHERE.has(name))
    .map(([name, value]) => `\`${prefix}${name}: ${printed(value)}\``);
}

const EVERYWHERE: ReadonlySet<string> = new Set(['topic', 'reply_topic', 'timeout']);

function printed(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** More than any service needs, on a machine that is busy with other things. */
export const PATIENCE_MS = 15_000;
/** For cases in which no reply will come: long enough that one which came nevertheless would be seen. */
export const NO_REPLY_MS = 3000;

/** Real frameworks against the gateway: `node dist/test/interop/run.js --help`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '../../dev/kafka/paths';
import { startKafka } from '../../dev/kafka/server';
import { Apicurio } from '../../dev/registry/apicurio';
import { PLUGIN_FORMS } from '../../dev/plugin-form';
import { Stack, type TestRoute } from '../support/stack';
import { REGISTRY_URL, routeIn, type Framework } from './framework';
import { FRAMEWORKS } from './frameworks/all';
import { parseInteropOptions, usage, UsageError, type InteropOptions } from './options';
import { exitCode, type Outcome } from './outcome';
import { caseTable, page, summary } from './report';
import { trial, type Stage } from './trial';

const EXIT_USAGE = 2;
const EXIT_SIGNALLED = 130;
const PARTITIONS = 4;
const PAGE = join('docs', 'interop.md');
const NAMES = FRAMEWORKS.map(({ name }) => name);

/** What was started, ended in the opposite order. */
const cleanUps: (() => Promise<unknown>)[] = [];
let signalled = false;

async function main(): Promise<number> {
  const options = parseInteropOptions(process.argv.slice(2), NAMES);
  if (!options) {
    process.stdout.write(usage(NAMES));
    return 0;
  }
  const frameworks = FRAMEWORKS.filter(({ name }) => options.only.includes(name));
  const stage = await start(frameworks, options);
  const outcomes: Outcome[] = [];
  for (const framework of frameworks) {
    outcomes.push(...(await trial(framework, stage)));
    // What fails because everything around it was stopped says nothing.
    if (signalled) return EXIT_SIGNALLED;
  }
  process.stdout.write(`\n${caseTable(outcomes)}\n\n${summary(outcomes)}\n`);
  if (options.write) {
    await writeFile(join(repositoryRoot(), PAGE), page(outcomes, commandFor(options)));
    say(`wrote ${PAGE}`);
  }
  return exitCode(outcomes);
}

/** One Kafka, one plugin server and one gateway for all of them. */
async function start(
  frameworks: readonly Framework[],
  { plugins, requests }: InteropOptions,
): Promise<Stage> {
  say('starting Kafka, plugin server and gateway');
  const kafka = await startKafka();
  cleanUps.push(() => kafka.stop());
  const routes = frameworks.flatMap((framework) => framework.routes);
  const topics = new Set(
    routes.flatMap(({ producer }) => [String(producer?.['topic']), String(producer?.['reply_topic'])]),
  );
  // Those that each gateway has of its own it makes itself.
  for (const topic of topics)
    if (!topic.includes('{')) await kafka.createTopic(topic, { partitions: PARTITIONS });
  const registry = await startRegistry(frameworks);
  const placed = routes.map((each) => withRegistry(each, registry));
  const stack = await Stack.start(
    kafka.bootstrapServers,
    plugins.flatMap((form) => placed.map((each) => routeIn(form, each))),
  );
  cleanUps.push(() => stack.stop());
  return { stack, bootstrapServers: kafka.bootstrapServers, registry, plugins, requests, say };
}

/** @returns undefined where nobody needs one */
async function startRegistry(frameworks: readonly Framework[]): Promise<Apicurio | undefined> {
  const subjects = frameworks.flatMap((framework) => Object.entries(framework.subjects ?? {}));
  if (subjects.length === 0) return undefined;
  const registry = await Apicurio.start();
  cleanUps.push(() => registry.stop());
  for (const [subject, schema] of subjects) await registry.register(subject, schema);
  return registry;
}

function withRegistry(route: TestRoute, registry: Apicurio | undefined): TestRoute {
  if (registry === undefined) return route;
  return JSON.parse(JSON.stringify(route).replaceAll(REGISTRY_URL, registry.url)) as TestRoute;
}

function commandFor({ only, plugins, requests }: InteropOptions): string {
  const args = [
    ...(only.length < NAMES.length ? [`--only ${only.join(',')}`] : []),
    ...(plugins.length < PLUGIN_FORMS.length ? [`--plugins ${plugins.join(',')}`] : []),
    ...(requests === 1000 ? [] : [`--requests ${requests}`]),
    '--write',
  ];
  return `make interop ARGS="${args.join(' ')}"`;
}

async function cleanUp(): Promise<void> {
  for (const end of cleanUps.splice(0).reverse()) await end();
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Services and builds go with this process; the rest has temporary files to take along.
  process.once(signal, () => {
    signalled = true;
    void cleanUp().finally(() => process.exit(EXIT_SIGNALLED));
  });
}

main()
  .catch((error: unknown) => {
    say(`interop: ${error instanceof Error ? error.message : String(error)}`);
    if (!(error instanceof UsageError)) return 1;
    say('See --help.');
    return EXIT_USAGE;
  })
  .then(async (code) => {
    await cleanUp();
    process.exitCode = code;
  })
  .catch((error: unknown) => {
    say(`interop: ${String(error)}`);
    process.exitCode = 1;
  });

/**
 * The main job on this machine: a real Kafka, a responder, a schema registry, the plugin server and the stand-in gateway.
 *
 *   node dist/dev/demo.js [--port 8000] [--config my-kong.yml] [--free-ports] [--check]
 *
 * --config names a declarative configuration in place of kong/kong.yml; the topics that it names are made.
 * --free-ports takes any ports that are free, also where the usual ones are.
 * --check sends one request itself, and ends with status 0 when the right answer came.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { startKafka, type KafkaServer } from './kafka/server';
import { freePorts, isFree } from './kafka/ports';
import { renderKongYml } from './kong-yml';
import {
  DEMO_SERVICES,
  DEMO_TOPICS,
  PluginServerProcess,
  startGatewayProcess,
  startRegistryProcess,
  startResponderProcess,
} from './stack';

const KONG_YML = join(__dirname, '..', '..', 'kong', 'kong.yml');

/** Of the documentation, where nobody else has them. */
const PORTS = { kafka: 9092, status: 8900 };

const TOPIC_OPTIONS = ['topic', 'reply_topic', 'orphan_topic'];

const ORDER = '{"item":"book","quantity":2}';

/** What was started, ended in the opposite order. */
const cleanUps: (() => Promise<unknown>)[] = [];

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8000' },
      config: { type: 'string', default: KONG_YML },
      'free-ports': { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
    },
  });
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  const anyPorts = values.check || values['free-ports'];
  const portFor = async (wanted: number) =>
    !anyPorts && (await isFree(wanted)) ? wanted : (await freePorts(1))[0]!;
  const started = start(readFileSync(values.config, 'utf8'), Number(values.port), portFor);
  const url = await Promise.race([started, stopped]);
  if (url === undefined) {
    await started.catch(() => undefined);
    return 0;
  }
  if (values.check) return check(url);
  if (values.config !== KONG_YML) {
    say(`The gateway is running: ${url} with ${values.config}. Ctrl-C stops everything.`);
    await stopped;
    return 0;
  }
  say(`\nThe gateway is running. In another terminal:\n\n  ${curl(url)}\n`);
  const paths = [...readFileSync(KONG_YML, 'utf8').matchAll(/^ +paths: \[(\S+)\]$/gm)].map(
    ([, path]) => path,
  );
  say(`More routes, each with a command in kong/kong.yml:\n\n  ${paths.slice(1).join(' ')}\n`);
  say('Ctrl-C stops everything.');
  await stopped;
  return 0;
}

async function start(
  configuration: string,
  port: number,
  portFor: (wanted: number) => Promise<number>,
): Promise<string> {
  say('Starting Apache Kafka ...');
  const kafka: KafkaServer = await startKafka({ port: await portFor(PORTS.kafka) });
  cleanUps.push(() => kafka.stop());
  const topics = new Set([...DEMO_TOPICS, ...topicsOf(parse(configuration))]);
  await Promise.all([...topics].map((topic) => kafka.createTopic(topic, { partitions: 4 })));

  say(`Kafka serves on ${kafka.bootstrapServers}. Starting responder, plugin server and gateway ...`);
  const responder = await startResponderProcess(kafka.bootstrapServers, DEMO_SERVICES);
  cleanUps.push(() => responder.stop());
  const registry = await startRegistryProcess();
  cleanUps.push(() => registry.child.stop());
  const server = await PluginServerProcess.start({ statusPort: await portFor(PORTS.status) });
  cleanUps.push(() => server.stop());
  const kongYml = renderKongYml(configuration, kafka.bootstrapServers, registry.url);
  const gateway = await startGatewayProcess(server, kongYml, await portFor(port));
  cleanUps.push(() => gateway.child.stop());
  say(`Status page of the plugin server: ${server.statusUrl}/`);
  return gateway.url;
}

/** The topics that plugins of a configuration name; not those that each gateway makes for itself. */
function topicsOf(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node)
    .flatMap(([name, value]) =>
      TOPIC_OPTIONS.includes(name) && typeof value === 'string' ? value : topicsOf(value),
    )
    .filter((topic) => !topic.includes('{'));
}

function curl(url: string): string {
  return `curl -i ${url}/orders -H 'Content-Type: application/json' -d '${ORDER}'`;
}

/** Sends what the printed curl sends. */
async function check(url: string): Promise<number> {
  say(curl(url));
  const response = await fetch(`${url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: ORDER,
  });
  const body = await response.text();
  const correlationId = response.headers.get('kong-request-id');
  say(`HTTP ${response.status}\nKong-Request-ID: ${correlationId}\n\n${body}`);
  const right = response.status === 200 && correlationId !== null && body.includes('"total":"19.90"');
  say(right ? '\nCHECK PASSED' : '\nCHECK FAILED: expected 200 with a total of 19.90 and a Kong-Request-ID');
  return right ? 0 : 1;
}

async function cleanUp(): Promise<void> {
  for (const end of cleanUps.reverse()) await end();
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

main()
  .catch((error: unknown) => {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  })
  .then(async (code) => {
    await cleanUp();
    process.exitCode = code;
  })
  .catch((error: unknown) => {
    process.stderr.write(`demo: ${String(error)}\n`);
    process.exitCode = 1;
  });

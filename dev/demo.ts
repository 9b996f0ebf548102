/**
 * The main job on this machine: a real Kafka, a responder, a schema registry, the plugin server and the stand-in gateway.
 *
 *   node dist/dev/demo.js [--port 8000] [--check]
 *
 * --check sends one request itself, and ends with status 0 when the right answer came.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startKafka, type KafkaServer } from './kafka/server';
import { isFree } from './kafka/ports';
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

const ORDER = '{"item":"book","quantity":2}';

/** What was started, ended in the opposite order. */
const cleanUps: (() => Promise<unknown>)[] = [];

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '8000' }, check: { type: 'boolean', default: false } },
  });
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  const wanted = Number(values.port);
  const port = values.check || !(await isFree(wanted)) ? 0 : wanted;
  const started = start(port);
  const url = await Promise.race([started, stopped]);
  if (url === undefined) {
    await started.catch(() => undefined);
    return 0;
  }
  if (values.check) return check(url);
  say(`\nThe gateway is running. In another terminal:\n\n  ${curl(url)}\n`);
  say(
    `More routes: ${url}/one-event  ${url}/logged  ${url}/avro  ${url}/collected  ${url}/events  ${url}/socket  ${url}/seed  ${url}/failing  ${url}/slow  ${url}/failing-over (see kong/kong.yml). Ctrl-C stops everything.`,
  );
  await stopped;
  return 0;
}

async function start(port: number): Promise<string> {
  say('Starting Apache Kafka ...');
  const kafka: KafkaServer = await startKafka();
  cleanUps.push(() => kafka.stop());
  await Promise.all(DEMO_TOPICS.map((topic) => kafka.createTopic(topic, { partitions: 4 })));

  say(`Kafka serves on ${kafka.bootstrapServers}. Starting responder, plugin server and gateway ...`);
  const responder = await startResponderProcess(kafka.bootstrapServers, DEMO_SERVICES);
  cleanUps.push(() => responder.stop());
  const registry = await startRegistryProcess();
  cleanUps.push(() => registry.child.stop());
  const server = await PluginServerProcess.start();
  cleanUps.push(() => server.stop());
  const kongYml = renderKongYml(readFileSync(KONG_YML, 'utf8'), kafka.bootstrapServers, registry.url);
  const gateway = await startGatewayProcess(server, kongYml, port);
  cleanUps.push(() => gateway.child.stop());
  say(`Status page of the plugin server: ${server.statusUrl}/status`);
  return gateway.url;
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

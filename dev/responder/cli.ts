/** `node dist/dev/responder/cli.js`: the responder as a process of its own. */
import { Responder } from './responder';
import { parseResponderArguments, USAGE } from './options';

async function main(): Promise<void> {
  const options = parseResponderArguments(process.argv.slice(2));
  if (!options) {
    process.stdout.write(USAGE);
    return;
  }
  const { bootstrapServers, topics, groupId } = options;
  const responder = new Responder({
    connection: { bootstrapServers, clientId: 'responder' },
    topics,
    ...(groupId === undefined ? {} : { groupId }),
  });
  // Before the start: a broker that never comes must not make the process deaf to signals.
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  const started = responder.start().then(() => process.stdout.write('responder is ready\n'));
  started.catch(() => undefined); // rejected when closed while starting
  await Promise.race([stopped, started.then(() => stopped)]);
  await responder.close();
  process.stderr.write(`responder: ${JSON.stringify(responder.counters)}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`responder: ${error instanceof Error ? error.message : String(error)} See --help.\n`);
  process.exitCode = 1;
});

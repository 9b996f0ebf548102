/** `kong-kafka` as a process, against a real Kafka: request, respond, tail. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { EXIT } from '../../cli/exit-codes';
import { useKafka } from '../../dev/kafka/use-kafka';
import { kongYml, waitingRoute } from '../support/stack';

const MAIN = join(__dirname, '..', '..', 'cli', 'main.js');
const kafka = useKafka();

/** A command that runs, and what it has printed. */
class Running {
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;

  constructor(t: TestContext, args: readonly string[], stdin = '') {
    const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env.PATH, KONG_KAFKA_BOOTSTRAP: kafka.bootstrapServers } }); // prettier-ignore
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    child.stdin.end(stdin);
    this.#ended = once(child, 'close').then(([code]) => code as number | null);
    t.after(() => void child.kill('SIGKILL'));
  }

  end(): Promise<number | null> {
    return this.#ended;
  }

  async interrupt(): Promise<number | null> {
    this.#child.kill('SIGINT');
    return this.#ended;
  }

  async until(text: RegExp): Promise<void> {
    const isOver = { now: false };
    void this.#ended.then(() => (isOver.now = true));
    while (!text.test(this.stdout + this.stderr)) {
      assert.ok(!isOver.now, `it has ended without ${text}: ${this.stdout}${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function run(t: TestContext, args: readonly string[], stdin?: string) {
  const running = new Running(t, args, stdin);
  const code = await running.end();
  return { code, stdout: running.stdout, stderr: running.stderr };
}

async function responder(t: TestContext, ...args: string[]): Promise<Running> {
  const running = new Running(t, ['respond', ...args]);
  await running.until(/^Answering /m);
  return running;
}

const topics = async (partitions = 3) => ({
  topic: await kafka.topic({ partitions }),
  replyTopic: await kafka.topic({ partitions }),
});

function configFile(t: TestContext, routes: Parameters<typeof kongYml>[1]): string {
  const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'kong.yml'), kongYml(kafka.bootstrapServers, routes));
  return join(folder, 'kong.yml');
}

test('request and respond by flags: echo, and the record and reply with -v', async (t) => {
  const { topic, replyTopic } = await topics();
  const service = await responder(t, '--topic', topic, '--reply-topic', replyTopic);
  const flags = ['--topic', topic, '--reply-topic', replyTopic];
  const body = '{"item":"Büch"}';
  const echoed = await run(t, ['request', ...flags, '-H', 'Authorization: planted', '--key', 'k1', '-d', '@-', '-v'], body); // prettier-ignore
  assert.deepEqual([echoed.code, echoed.stdout], [EXIT.fine, body], echoed.stderr);
  assert.match(echoed.stderr, /^> authorization: \*\*\*$/m);
  assert.match(echoed.stderr, /^\* record sent at .* acknowledged at .* between record and reply/m);
  assert.doesNotMatch(echoed.stderr, /planted/);
  assert.equal(await service.interrupt(), EXIT.fine);
  assert.match(service.stderr, /^1 answered, 0 not answered, 0 failed\.$/m);
});

test('respond: a status, a delay, an error, a command; ends after --count', async (t) => {
  const { topic, replyTopic } = await topics();
  const flags = ['--topic', topic, '--reply-topic', replyTopic];
  const ask = (...more: string[]) =>
    run(t, ['request', ...flags, '-H', 'X-Tenant: a', '-d', 'hello', '--json', ...more]);
  const answer = ({ stdout }: { stdout: string }) =>
    JSON.parse(stdout) as { status: number; body: string; code: string; times_ms: { total: number } };

  const slow = await responder(
    t,
    ...flags,
    '--count',
    '1',
    '--status',
    '202',
    '--delay',
    '300ms',
    '--body',
    'later',
  );
  const late = await ask();
  assert.deepEqual([answer(late).status, answer(late).body, late.code], [202, 'later', EXIT.fine]);
  assert.ok(answer(late).times_ms.total >= 300);
  assert.equal(await slow.end(), EXIT.fine);

  const failing = await responder(t, ...flags, '--count', '1', '--status', '422', '--error', 'no such item');
  const refused = await ask();
  assert.deepEqual([answer(refused).status, refused.code], [422, EXIT.findings]);
  await failing.end();

  const command = await responder(
    t,
    ...flags,
    '--exec',
    'sh',
    '--',
    '-c',
    'cat; printf " $KAFKA_HEADER_X_TENANT"; test -z "$KONG_KAFKA_BOOTSTRAP"',
  );
  assert.equal(answer(await ask()).body, 'hello a');
  await command.interrupt();
});

test('a route of a kong.yml, in both forms, with a reply topic of the node: nobody else is answered', async (t) => {
  const { topic } = await topics();
  const reply_topic = `${kafka.uniqueName('r')}.{node}`;
  const options = {
    topic,
    reply_topic,
    reply_routing: 'topic',
    message_format: 'envelope',
    forward_method: true,
  };
  const config = configFile(t, [
    waitingRoute('pair', '/pair', options),
    waitingRoute('one-event', '/one', options),
  ]);
  const service = await responder(t, '--config', config, '--route', 'pair');
  for (const route of ['pair', 'one']) {
    const { code, stdout, stderr } = await run(t, [
      'request',
      '--config',
      config,
      '--route',
      route,
      '-d',
      'hello',
    ]);
    assert.equal(code, EXIT.fine, stderr);
    assert.equal((JSON.parse(stdout) as { method: string }).method, 'POST');
  }
  // By another reply topic than that of the route.
  const elsewhere = await kafka.topic();
  const { code } = await run(t, [
    'request',
    '--topic',
    topic,
    '--reply-topic',
    elsewhere,
    '--timeout',
    '2s',
    '-d',
    'x',
  ]);
  assert.equal(code, EXIT.findings);
  assert.match(service.stdout, /not answered .*which is not among those of --reply-topic/);
  await service.interrupt();
});

test('two responders of a group share the requests, also those that were there before', async (t) => {
  const { topic, replyTopic } = await topics();
  const flags = ['--topic', topic, '--reply-topic', replyTopic];
  await run(t, ['request', ...flags, '--timeout', '100ms', '-d', 'early']);
  const group = kafka.uniqueName('g');
  const service = await responder(t, ...flags, '--group', group);
  await service.until(/answered .* 5 bytes/);
  const { code } = await run(t, ['request', ...flags, '-d', 'late']);
  assert.equal(code, EXIT.fine);
  assert.equal(await service.interrupt(), EXIT.fine);
  assert.match(service.stderr, /^2 answered/m);
});

test('tail: what was, in pairs, orphans told, secrets masked, bodies only where they are wanted', async (t) => {
  const { topic, replyTopic } = await topics();
  const flags = ['--topic', topic, '--reply-topic', replyTopic];
  const service = await responder(t, ...flags);
  const asked = await run(t, [
    'request',
    ...flags,
    '-H',
    'Cookie: planted',
    '-H',
    'X-Evil: \u001b[2J',
    '-d',
    'body-of-it',
    '--json',
  ]);
  const { correlation_id: id } = JSON.parse(asked.stdout) as { correlation_id: string };
  await service.interrupt();
  // A reply that nobody has asked for.
  await run(t, ['request', '--topic', replyTopic, '-H', 'correlation-id: ours-it-is-not', '-d', 'orphan']);

  const back = await run(t, ['tail', ...flags, '--since', '1h', '--headers']);
  assert.equal(back.code, EXIT.fine, back.stderr);
  const rows = back.stdout
    .split('\n')
    .filter((line) => new RegExp(`^\\d\\S+ +${id.slice(0, 13)} `).test(line));
  assert.equal(rows.length, 2, back.stdout);
  assert.match(rows[1]!, / 200 [+-]\d+ ms$/);
  assert.match(back.stdout, /cookie: \*\*\*/);
  assert.doesNotMatch(back.stdout, /planted|body-of-it|\u001b/);
  assert.match(back.stdout, /orphan: no request seen/);
  assert.match(
    back.stderr,
    /^1 requests, 0 of them without a reply; 2 replies, 1 of them without a request\.$/m,
  );

  const one = await run(t, ['tail', ...flags, '--id', id.slice(0, 8), '--bodies', '--json']);
  const events = one.stdout
    .trim()
    .split('\n')
    .map(
      (line) =>
        JSON.parse(line) as { kind: string; id: string; body: string; orphan?: boolean; outcome?: string },
    );
  assert.deepEqual(
    events.map(({ kind, body, orphan, outcome }) => [kind, body, orphan, outcome]),
    [
      ['request', 'body-of-it', undefined, undefined],
      ['reply', 'body-of-it', false, '200'],
    ],
  );
});

test('tail --follow: what comes, until it is interrupted', async (t) => {
  const { topic, replyTopic } = await topics();
  const config = configFile(t, [waitingRoute('pair', '/orders', { topic, reply_topic: replyTopic })]);
  const tail = new Running(t, ['tail', '--config', config, '--follow']);
  await tail.until(/^time +id/m);
  const service = await responder(t, '--config', config);
  const { code } = await run(t, ['request', '--config', config, '-d', '{}']);
  assert.equal(code, EXIT.fine);
  await tail.until(/\+-?\d+ ms|-\d+ ms/);
  assert.equal(await tail.interrupt(), EXIT.fine);
  assert.match(tail.stderr, /^1 requests, 0 of them without a reply; 1 replies, 0 of them/m);
  await service.interrupt();
});

test('brokers that are not there are named', async (t) => {
  const flags = [
    '--topic',
    'a',
    '--reply-topic',
    'b',
    '--bootstrap',
    '127.0.0.1:1',
    '--connect-timeout',
    '1s',
  ];
  for (const command of ['tail', 'request']) {
    const { code, stdout, stderr } = await run(t, [command, ...flags]);
    assert.equal(code, EXIT.failed);
    assert.match(stdout + stderr, /127\.0\.0\.1:1.*Connection refused/);
  }
});

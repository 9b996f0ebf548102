/** One framework from build to end: many requests, the cases, and nothing left open. */
import assert from 'node:assert/strict';
import { Child } from '../../dev/child-process';
import type { Apicurio } from '../../dev/registry/apicurio';
import type { PluginForm } from '../../dev/plugin-form';
import { ask, type Stack } from '../support/stack';
import { buildOnce, NotBuildable, versionOf } from './build';
import { tryCase } from './cases';
import { order, pathPrefix, pluginOptions, type Framework } from './framework';
import { JSON_TYPE, manyRequests } from './many-requests';
import type { CaseOutcome, Outcome, RequestCounts } from './outcome';

/** From the start of the process to its first answer on every route. */
const START_LIMIT_MS = 60_000;

export interface Stage {
  readonly stack: Stack;
  readonly bootstrapServers: string;
  /** Where one of the services needs it. */
  readonly registry: Apicurio | undefined;
  /** The forms in which the plugins ask each service. */
  readonly plugins: readonly PluginForm[];
  readonly requests: number;
  readonly say: (text: string) => void;
}

interface Seen {
  readonly plugins: PluginForm;
  requests?: RequestCounts;
  readonly cases: CaseOutcome[];
}

/** @returns one outcome for each form of the plugins */
export async function trial(framework: Framework, stage: Stage): Promise<Outcome[]> {
  const { name, title } = framework;
  const version = versionOf(framework);
  const seen = stage.plugins.map((plugins): Seen => ({ plugins, cases: [] }));
  const outcomes = (more: Pick<Outcome, 'skipped' | 'problem'> = {}) =>
    seen.map((each) => ({
      ...{ name, title, version, options: pluginOptions(framework, each.plugins) },
      ...each,
      ...more,
    }));
  try {
    const home = await buildOnce(framework, stage.say);
    const service = await startService(framework, home, stage);
    try {
      await untilItServes(framework, service, stage);
      for (const each of seen) await askIt(framework, stage, each);
    } finally {
      await service.stop();
      assert.ok(!service.alive, `${name} did not end`);
    }
    await stage.stack.nothingPending();
    return outcomes();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (error instanceof NotBuildable) {
      stage.say(`${name} skipped: ${text}`);
      return outcomes({ skipped: text });
    }
    stage.say(`${name} failed: ${text}`);
    return outcomes({ problem: text.split('\n')[0] ?? '' });
  }
}

async function startService(
  framework: Framework,
  home: string,
  { bootstrapServers, registry }: Stage,
): Promise<Child> {
  const { command, args, env } = await framework.start(home);
  return new Child(framework.name, args, {
    command,
    // Each framework reads its own variable, without a word of code; the plain one is everybody else's.
    env: {
      KAFKA_BOOTSTRAP_SERVERS: bootstrapServers,
      SPRING_KAFKA_BOOTSTRAP_SERVERS: bootstrapServers,
      ...(registry && { APICURIO_URL: registry.ownUrl }),
      ...env,
    },
  });
}

/** It serves when it answers. Services read from the beginning of a topic, so what is asked early is answered late. */
async function untilItServes(framework: Framework, service: Child, stage: Stage): Promise<void> {
  const { stack, plugins, say } = stage;
  const startedAtMs = performance.now();
  const silent = new Set(
    framework.cases.filter(({ expected }) => expected.status === 504).map((each) => each.path),
  );
  const paths = framework.routes.map(({ path }) => path).filter((path) => !silent.has(path));
  for (const path of plugins.flatMap((form) => paths.map((each) => pathPrefix(form) + each))) {
    for (;;) {
      const answer = await ask(stack.url + path, { headers: JSON_TYPE, body: order('first', 1) });
      if (answer.status === 200) break;
      const waitedMs = performance.now() - startedAtMs;
      if (!service.alive || waitedMs > START_LIMIT_MS) {
        const why = service.alive ? 'does not serve' : 'has ended';
        throw new Error(`the service ${why}: ${answer.status} ${answer.body.toString()}\n${service.output}`);
      }
    }
  }
  say(`${framework.name} serves after ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`);
}

async function askIt(framework: Framework, { stack, requests, say }: Stage, seen: Seen): Promise<void> {
  const url = stack.url + pathPrefix(seen.plugins);
  seen.requests = await manyRequests(url + framework.path, requests);
  const { answered, crossed, lost, tookMs } = seen.requests;
  say(
    `  ${seen.plugins}: ${answered} of ${requests} answered in ${(tookMs / 1000).toFixed(1)} s, ${crossed} crossed, ${lost} lost`,
  );
  for (const each of framework.cases) {
    const outcome = await tryCase(url, each);
    seen.cases.push(outcome);
    say(`  ${outcome.right ? 'ok' : 'WRONG'}: ${each.name}: ${outcome.answer}`);
  }
  // What went wrong in one request must not have ended the service.
  const after = await manyRequests(url + framework.path, 1);
  assert.equal(after.answered, 1, 'the service no longer answers after the cases');
}

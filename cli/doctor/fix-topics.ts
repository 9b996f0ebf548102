/** Makes topics that are missing, after asking. */
import { createInterface } from 'node:readline/promises';
import { createTopic } from '../../bridge/kafka/admin';
import type { ConnectionOptions } from '../../bridge/kafka/connection';
import { redactor } from '../../bridge/kafka/redaction';
import { usageError } from '../exit-codes';
import type { Output } from '../output';
import type { Surroundings } from '../surroundings';
import { RECOMMENDED_PARTITIONS, recommendedCopies, usedTopics } from './checks/topics';
import type { Facts } from './facts';
import { clusterUses } from './topic-uses';

export interface MissingTopic {
  readonly name: string;
  readonly cluster: string;
  readonly connection: ConnectionOptions;
  readonly partitions: number;
  readonly copies: number;
}

export interface MadeTopic extends Pick<MissingTopic, 'name' | 'partitions' | 'copies'> {
  /** Why it could not be made. */
  readonly reason: string | undefined;
}

/** As many partitions as a route names at least. @param partitions undefined: what is recommended */
export function missingTopics(facts: Facts, partitions: number | undefined): readonly MissingTopic[] {
  const connections = new Map(clusterUses(facts).map(({ key, connection }) => [key, connection]));
  return usedTopics(facts)
    .filter(({ topic, uses }) => topic.state === 'missing' && uses.length > 0)
    .map(({ name, cluster, uses }) => ({
      name,
      cluster: cluster.name,
      connection: connections.get(cluster.key)!,
      partitions: Math.max(
        partitions ?? RECOMMENDED_PARTITIONS,
        ...uses.map(({ partition }) => (partition ?? 0) + 1),
      ),
      copies: recommendedCopies(cluster),
    }));
}

/** @throws CliError where nobody can be asked */
export async function isWanted(
  missing: readonly MissingTopic[],
  { stdin, stderr, interrupted }: Surroundings,
): Promise<boolean> {
  if (stdin.isTTY !== true) throw usageError('--fix-topics asks before it makes topics; without a terminal add --yes.'); // prettier-ignore
  stderr.write(`${missing.map(described).join('\n')}\n`);
  const lines = createInterface({ input: stdin, signal: interrupted });
  try {
    stderr.write(`Make ${missing.length === 1 ? 'this topic' : `these ${missing.length} topics`}? [y/N] `);
    for await (const answer of lines) return /^y(es)?$/i.test(answer.trim());
    interrupted.throwIfAborted();
    return false;
  } finally {
    lines.close();
  }
}

export async function makeTopics(
  missing: readonly MissingTopic[],
  output: Pick<Output, 'progress'>,
): Promise<readonly MadeTopic[]> {
  const made: MadeTopic[] = [];
  for (const topic of missing) {
    output.progress(`Making ${described(topic)} ...`);
    const { name, connection, partitions, copies } = topic;
    const reason = await createTopic(connection, name, { partitions, replicationFactor: copies }).then(
      () => undefined,
      (error: unknown) => redactor(connection)((error as Error).message),
    );
    made.push({ name, partitions, copies, reason });
  }
  return made;
}

function described({ name, cluster, partitions, copies }: MissingTopic): string {
  return `topic ${name} on ${cluster}: ${partitions} partitions, ${copies} ${copies === 1 ? 'copy' : 'copies'}`;
}

/** What `asyncapi` does: reads the configuration, asks the registry, makes the document. */
import { readDeclarative } from '../kong-config/declarative';
import { kafkaRouteNamed, kafkaRoutes } from '../kong-config/kafka-routes';
import { usageError } from '../exit-codes';
import { asyncApiDocument } from './document';
import type { Surroundings } from '../surroundings';
import type { Json } from './json';
import { NO_SCHEMAS, registrySchemas } from './schemas';

export interface DescribeOptions {
  readonly config: string;
  readonly route?: string;
  readonly registry?: string;
  readonly title: string;
  readonly documentVersion: string;
  readonly as: 'gateway' | 'service';
}

export interface DescribeSurroundings extends Pick<Surroundings, 'env' | 'interrupted'> {
  /** What could not be had, as a sentence. */
  readonly tell: (sentence: string) => void;
}

export async function describe(
  options: DescribeOptions,
  { env, interrupted, tell }: DescribeSurroundings,
): Promise<Json> {
  const all = kafkaRoutes(await readDeclarative(options.config), { env, withSecrets: false });
  if (all.length === 0) throw usageError(`${options.config} has no route that sends requests to Kafka.`);
  const routes = options.route === undefined ? all : [kafkaRouteNamed(all, options.route)];
  const schemas = options.registry === undefined ? NO_SCHEMAS : registrySchemas(options.registry, env, tell);
  try {
    const { title, documentVersion: version, as: perspective } = options;
    const made = asyncApiDocument(routes, { title, version, perspective, schemas });
    return await Promise.race([made, interruption(interrupted)]);
  } finally {
    schemas.close();
  }
}

/** A registry that is away is asked for each subject, and waited for. */
function interruption(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.throwIfAborted();
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

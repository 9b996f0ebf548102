/**
 * Which worker serves which plugin. What a plugin that others go on with knows of a request is in the memory of its
 * process, so such plugins are served by the first worker together. All others are served by every worker.
 */

/** The worker of plugins that belong together, and of the HTTP listener. */
export const FIRST_WORKER = 1;

interface Placed {
  readonly name: string;
  readonly continues: string | undefined;
}

export function servedBy<P extends Placed>(worker: number, plugins: readonly P[]): P[] {
  const together = new Set(servedTogether(plugins).map(({ name }) => name));
  return plugins.filter(({ name }) => worker === FIRST_WORKER || !together.has(name));
}

/** Plugins that pass requests to each other in memory. */
export function servedTogether<P extends Placed>(plugins: readonly P[]): P[] {
  const continued = new Set(plugins.map((plugin) => plugin.continues));
  return plugins.filter(({ name, continues }) => continues !== undefined || continued.has(name));
}

/**
 * Which worker serves which plugin. What a plugin knows of a request that others go on with, or an event of its own, is in
 * the memory of its process: such plugins are served by the first worker together. All others are served by every worker.
 */

/** The worker of plugins that belong together, and of the HTTP listener. */
export const FIRST_WORKER = 1;

interface Placed {
  readonly name: string;
  readonly continues: string | undefined;
  readonly oneProcess?: boolean;
}

export function servedBy<P extends Placed>(worker: number, plugins: readonly P[]): P[] {
  const together = new Set(servedTogether(plugins).map(({ name }) => name));
  return plugins.filter(({ name }) => worker === FIRST_WORKER || !together.has(name));
}

/** Plugins that pass requests on in memory, to each other or to themselves. */
export function servedTogether<P extends Placed>(plugins: readonly P[]): P[] {
  const continued = new Set(plugins.map((plugin) => plugin.continues));
  return plugins.filter(
    ({ name, continues, oneProcess }) =>
      oneProcess === true || continues !== undefined || continued.has(name),
  );
}

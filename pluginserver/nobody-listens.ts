const NOBODY = ['ECONNREFUSED', 'ENOENT'];

/**
 * Of a connection to a Unix socket that failed: whether no process is there. Anything else, such as a queue of connections
 * that is full, tells nothing of the other process but that it is busy.
 */
export function saysNobodyListens(error: unknown): boolean {
  return NOBODY.includes((error as NodeJS.ErrnoException).code ?? '');
}

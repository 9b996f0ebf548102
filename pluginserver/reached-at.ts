import type { HttpListener } from '../listener/http-listener';
import type { HostAndPort } from './plugin-module';

/**
 * Where Kong finds the paths of plugins: at the first port that listens. Undefined without any, null while none does.
 * @param advertised what Kong is told instead
 */
export function reachedAt(
  advertised: HostAndPort | undefined,
  listeners: readonly HttpListener[],
): HostAndPort | null | undefined {
  const ports = listeners.filter(({ isPort }) => isPort);
  if (ports.length === 0) return undefined;
  for (const { reachableAt } of ports) if (reachableAt !== undefined) return advertised ?? reachableAt;
  return null;
}

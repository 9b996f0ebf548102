import type { PluginEntity, RouteEntity } from './entities';

/**
 * Kong takes one configuration of a plugin: that of route and service before that of the route, before that of the
 * service, before that of all. Those of consumers do not count here.
 */
export function mostSpecific<T>(
  candidates: readonly T[],
  route: RouteEntity,
  entityOf: (candidate: T) => PluginEntity,
): T | undefined {
  const rank = (candidate: T): number => {
    const { routeId, serviceId, isPerConsumer } = entityOf(candidate);
    if (isPerConsumer) return -1;
    if (routeId !== undefined && routeId !== route.id) return -1;
    if (serviceId !== undefined && serviceId !== route.serviceId) return -1;
    return (routeId === undefined ? 0 : 2) + (serviceId === undefined ? 0 : 1);
  };
  return candidates
    .filter((candidate) => rank(candidate) >= 0)
    .sort((one, other) => rank(other) - rank(one))[0];
}

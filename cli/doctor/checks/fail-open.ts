/** Services that get requests when the plugin server is gone. */
import { isBefore } from '../../kong-config/kong-version';
import { finding } from '../finding';
import { routeFlows, type RouteFlow } from '../route-flows';
import type { Check } from './check';

const FAILS_CLOSED_SINCE = '3.8';
const GUARD =
  'take the service from the route; or add to its plugins:\n  - name: request-termination\n    config: { status_code: 503 }';
/** Without its service Kong would not go on to a stream, and with request-termination neither. */
const LEAD_NOWHERE =
  'give the service, whose address a stream never uses, one that leads nowhere:\n  url: http://kafka-reply.invalid';

export const failOpen: Check = (facts) => {
  const { version } = facts.kong;
  if (version && !isBefore(version, FAILS_CLOSED_SINCE)) return [];
  return routeFlows(facts)
    .filter((flow) => flow.sender && flow.service && !isHarmless(flow))
    .map((flow) =>
      finding('service_behind_fail_open', {
        where: flow.where,
        what: `Behind it is service ${flow.service!.name}, and Kong is ${version?.text ?? 'of a version that is not known here'}.`,
        fix: `Upgrade Kong to ${FAILS_CLOSED_SINCE} or newer; or ${flow.isStream ? LEAD_NOWHERE : GUARD}`,
        ...(version === undefined && { level: 'note' as const }),
      }),
    );
};

/** No name below `.invalid` is ever found (RFC 6761, 6.4). */
function isHarmless(flow: RouteFlow): boolean {
  return (
    flow.other('request-termination') !== undefined || /(?:^|\.)invalid$/i.test(flow.service?.host ?? '')
  );
}

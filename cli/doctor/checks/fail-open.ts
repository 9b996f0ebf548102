/** Services that get requests when the plugin server is gone. */
import { isBefore } from '../../kong-config/kong-version';
import { finding } from '../finding';
import { routeFlows } from '../route-flows';
import type { Check } from './check';

const FAILS_CLOSED_SINCE = '3.8';

export const failOpen: Check = (facts) => {
  const { version } = facts.kong;
  if (version && !isBefore(version, FAILS_CLOSED_SINCE)) return [];
  return routeFlows(facts)
    .filter((flow) => flow.sender && flow.service && !flow.other('request-termination'))
    .map((flow) =>
      finding('service_behind_fail_open', {
        where: flow.where,
        what: `Behind it is service ${flow.service!.name}, and Kong is ${version?.text ?? 'of a version that is not known here'}.`,
        fix: `Upgrade Kong to ${FAILS_CLOSED_SINCE} or newer; or take the service from the route; or add to its plugins:\n  - name: request-termination\n    config: { status_code: 503 }`,
        ...(version === undefined && { level: 'note' as const }),
      }),
    );
};

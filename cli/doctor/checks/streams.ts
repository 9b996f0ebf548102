/** The way of a stream: from the route to its service, which is the port of the plugin server. */
import { finding, type Finding } from '../finding';
import { routeFlows } from '../route-flows';
import type { Check } from './check';

export const streams: Check = (facts) => {
  const flows = routeFlows(facts).filter((flow) => flow.isStream);
  return [
    ...flows.flatMap((flow): readonly Finding[] => {
      const { where, route, service } = flow;
      const termination = flow.other('request-termination');
      if (service !== undefined && termination === undefined) return [];
      return [
        finding('stream_not_proxied', {
          where,
          what:
            service === undefined
              ? 'mode: stream, and the route has no service.'
              : 'mode: stream, and request-termination answers before Kong goes on.',
          fix:
            service === undefined
              ? `Give route ${route.name} a service, whose address is never used:\n  url: http://kafka-reply.invalid`
              : 'Take request-termination from the route.',
        }),
      ];
    }),
    ...(flows.length > 0 ? listener(facts) : []),
  ];
};

const listener: Check = ({ server }) => {
  const { listener: address, expired } = server?.status?.streams ?? {};
  const where = `plugin server at ${server?.url ?? ''}`;
  if (address === null)
    return [
      finding('stream_listener_missing', {
        where,
        what: 'A route has mode: stream, and the plugin server listens on no port that Kong could be sent to.',
        fix: '--http-listen <host:port>, an address that Kong reaches; --http-advertise <host:port> where Kong knows it by another one.',
      }),
    ];
  if (expired === undefined) return [];
  return [
    finding('streams_not_fetched', {
      where,
      what: `Kong was sent to ${address ?? 'the port for streams'} and did not come, ${expired.count === 1 ? 'once' : `${expired.count} times`} since the start, the last time at ${expired.at}.`,
      fix: `From the machine of Kong: curl http://${address ?? '<host:port>'}/stream/ must be a 404. If it is not: --http-listen with an address that Kong reaches, or --http-advertise.`,
    }),
  ];
};

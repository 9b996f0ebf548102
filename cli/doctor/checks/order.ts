/** What must run before what. */
import { isBefore } from '../../kong-config/kong-version';
import { finding, type Finding } from '../finding';
import { routeFlows, type RouteFlow } from '../route-flows';
import type { Check } from './check';

/** Kong's priority of correlation-id was 1 until then. */
const CORRELATION_ID_FIRST_SINCE = '3.9';
const DEFAULT_HEADER = 'Kong-Request-ID';

export const order: Check = (facts) => {
  const { version } = facts.kong;
  return routeFlows(facts).flatMap((flow) => [
    ...correlationId(flow, version !== undefined && isBefore(version, CORRELATION_ID_FIRST_SINCE)),
    ...dynamicOrder(flow),
  ]);
};

function correlationId(flow: RouteFlow, runsLate: boolean): readonly Finding[] {
  const entity = flow.other('correlation-id');
  const { where, sender } = flow;
  if (!entity || !sender?.config) return [];
  const { correlation_header, correlation } = sender.config;
  const given = typeof entity.config.header_name === 'string' ? entity.config.header_name : DEFAULT_HEADER;
  const found: Finding[] = [];
  if (given.toLowerCase() !== correlation_header.toLowerCase())
    found.push(
      finding('correlation_header_differs', {
        where,
        what: `The Correlation ID plugin writes ${given}, ${sender.name} reads ${correlation_header}.`,
        fix: `correlation_header: ${given}`,
      }),
    );
  if (runsLate)
    found.push(
      finding('correlation_id_late', {
        where,
        what: `${sender.name} runs first, and sets ${correlation_header} where a client has sent none.`,
        fix: `Nothing, or Kong ${CORRELATION_ID_FIRST_SINCE}.`,
        // There replies are found by what the client says, and by nothing where it says nothing.
        ...(correlation === 'client' && { level: 'warning' as const }),
      }),
    );
  return found;
}

function dynamicOrder(flow: RouteFlow): readonly Finding[] {
  const [producer, consumer] = [flow.find('custom_kafka_producer'), flow.find('custom_kafka_consumer')];
  const isTurned =
    producer?.entity.runsAfter.includes('custom_kafka_consumer') === true ||
    consumer?.entity.runsBefore.includes('custom_kafka_producer') === true;
  if (!isTurned) return [];
  return [
    finding('plugin_order', {
      where: flow.where,
      what: '`ordering` puts custom_kafka_consumer before custom_kafka_producer.',
      fix: 'Take `ordering` away from both; their priorities are right.',
    }),
  ];
}

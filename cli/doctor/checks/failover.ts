/** What custom_kafka_failover needs around it. */
import { isBefore } from '../../kong-config/kong-version';
import { finding, type Finding } from '../finding';
import { routeFlows } from '../route-flows';
import type { Check } from './check';

const INCLUDES_SINCE = '3.6';
const INCLUDES = [
  ['nginx_location_include', 'failover-location.conf'],
  ['nginx_proxy_include', 'failover-proxy.conf'],
] as const;

export const failoverRoutes: Check = (facts) =>
  routeFlows(facts).flatMap((flow): readonly Finding[] => {
    if (!flow.find('custom_kafka_failover')) return [];
    const { where, route } = flow;
    if (route.serviceId === undefined)
      return [
        finding('failover_without_service', {
          where,
          what: 'The route has no service.',
          fix: 'Give the route a service, or take the plugin away.',
        }),
      ];
    const off = [
      ...(route.requestBuffering ? [] : ['request_buffering']),
      ...(route.responseBuffering ? [] : ['response_buffering']),
    ];
    if (off.length === 0) return [];
    return [
      finding('failover_unbuffered', {
        where,
        what: `${off.join(' and ')} ${off.length > 1 ? 'are' : 'is'} false.`,
        fix: off.map((name) => `${name}: true`).join('\n'),
      }),
    ];
  });

export const failoverKong: Check = ({ plugins, kong: { version, settings, settingsAreComplete } }) => {
  const user = plugins.find(({ name }) => name === 'custom_kafka_failover');
  if (!user) return [];
  if (version && isBefore(version, INCLUDES_SINCE))
    return [
      finding('failover_old_kong', {
        where: user.where,
        what: `Kong is ${version.text}.`,
        fix: `Kong ${INCLUDES_SINCE} or newer.`,
      }),
    ];
  if (!settings || !settingsAreComplete)
    return [
      finding('not_checked', {
        where: user.where,
        what: 'Whether the two nginx includes of failover are set is not known.',
        fix: 'Give the settings of Kong: --kong-conf <file>.',
      }),
    ];
  const missing = INCLUDES.filter(([name]) => !settings.get(name));
  if (missing.length === 0) return [];
  return [
    finding('failover_include_missing', {
      where: user.where,
      what: `Not set: ${missing.map(([name]) => name).join(', ')}.`,
      fix: missing.map(([name, file]) => `${name} = /opt/kong-kafka-request-reply/kong/${file}`).join('\n'),
    }),
  ];
};

/** What custom_kafka_failover needs around it. */
import { dumpName } from '../../../common/plugins';
import { FAILOVER } from '../../../plugins/custom_kafka_failover/config';
import { isBefore } from '../../kong-config/kong-version';
import { entriesIn } from '../../kong-config/settings';
import { DUMP_WITH_LOG, isByLog } from '../failover-by-log';
import { finding, type Finding } from '../finding';
import { routeFlows } from '../route-flows';
import type { Check } from './check';
import { phasesIn } from './dumps';

const INCLUDES_SINCE = '3.6';
const INCLUDES = [
  ['nginx_location_include', 'failover-location.conf'],
  ['nginx_proxy_include', 'failover-proxy.conf'],
] as const;

export const failoverRoutes: Check = (facts) =>
  routeFlows(facts).flatMap((flow): readonly Finding[] => {
    const plugin = flow.find('custom_kafka_failover');
    if (!plugin) return [];
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
    if (off.length === 0 || isByLog(plugin)) return [];
    return [
      finding('failover_unbuffered', {
        where,
        what: `${off.join(' and ')} ${off.length > 1 ? 'are' : 'is'} false.`,
        fix: off.map((name) => `${name}: true`).join('\n'),
      }),
    ];
  });

export const failoverKong: Check = ({ plugins, kong: { version, settings, settingsAreComplete } }) => {
  const user = plugins.find((plugin) => plugin.name === 'custom_kafka_failover' && !isByLog(plugin));
  if (!user) return [];
  if (version && isBefore(version, INCLUDES_SINCE))
    return [
      finding('failover_old_kong', {
        where: user.where,
        what: `Kong is ${version.text}.`,
        fix: `Kong ${INCLUDES_SINCE} or newer; or capture: log, with ${DUMP_WITH_LOG} as the plugin's dump: docs/failover.md.`,
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

/** Kong runs the phases that the dump names, and no others. */
export const failoverLogPhase: Check = ({ plugins, kong: { settings, dumpFiles } }) => {
  const user = plugins.find(isByLog);
  const entry =
    settings && entriesIn(settings).find(({ queryCommand = '' }) => queryCommand.includes(FAILOVER.name));
  const [, path] = /\s(\S+)\s*$/.exec(entry?.queryCommand ?? '') ?? [];
  if (!user || !entry || path === undefined) return [];
  const written = dumpFiles.get(path);
  const isMissing =
    written === undefined ? path.endsWith(`/${dumpName(FAILOVER)}`) : !phasesIn(written).includes('log');
  if (!isMissing) return [];
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  return [
    finding('failover_log_phase_missing', {
      where: user.where,
      what: `capture: log, and the dump ${path} has no phase log.`,
      fix: `pluginserver_${entry.name.replaceAll('-', '_')}_query_cmd = cat ${folder}${DUMP_WITH_LOG}\nwith that file of this version, and restart Kong.`,
    }),
  ];
};

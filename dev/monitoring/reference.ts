/** The page of all metrics. */
import { CLIENT_FAMILIES } from '../../bridge/telemetry/client-metrics';
import { STREAM_FAMILIES } from '../../bridge/telemetry/stream-metrics';
import { FAILOVER_FAMILIES } from '../../bridge/telemetry/failover-metrics';
import { LOG_SINK_FAMILIES } from '../../bridge/telemetry/log-sink-metrics';
import type { Family } from '../../bridge/telemetry/metrics';
import { REPLY_FAMILIES } from '../../bridge/telemetry/reply-metrics';
import { REQUEST_FAMILIES } from '../../bridge/telemetry/request-metrics';
import { RESULT_FAMILIES } from '../../bridge/telemetry/result-metrics';
import { SCHEMA_FAMILIES } from '../../bridge/telemetry/schema-metrics';
import { SERVER_FAMILIES } from '../../pluginserver/server-metrics';
import { WORKER_FAMILIES } from '../../pluginserver/workers/worker-metrics';

const GROUPS: readonly { readonly title: string; readonly families: readonly Family[] }[] = [
  { title: 'Requests', families: REQUEST_FAMILIES },
  { title: 'Replies', families: REPLY_FAMILIES },
  { title: 'Kept replies, repeated requests, states', families: RESULT_FAMILIES },
  { title: 'Schema registries', families: SCHEMA_FAMILIES },
  { title: 'Kafka clients', families: CLIENT_FAMILIES },
  { title: 'Log entries', families: LOG_SINK_FAMILIES },
  { title: 'Several replies and streams', families: STREAM_FAMILIES },
  { title: 'Failed requests', families: FAILOVER_FAMILIES },
  { title: 'Plugin server', families: SERVER_FAMILIES },
  { title: 'Workers', families: WORKER_FAMILIES },
];

export const FAMILIES: readonly Family[] = GROUPS.flatMap(({ families }) => families);

/** Prometheus' rule: the unit is the end of the name. */
const UNITS = [
  [/_timestamp_seconds$/, 'seconds since 1970'],
  [/_time_seconds$/, 'seconds since 1970'],
  [/_seconds(_total)?$/, 'seconds'],
  [/_bytes(_total)?$/, 'bytes'],
  [/_records(_total)?$/, 'records'],
] as const;

export function unitOf({ name }: Family): string {
  return UNITS.find(([ending]) => ending.test(name))?.[1] ?? 'number';
}

export function metricsReference(): string {
  return `# Metrics

Generated from the code by \`npm run generate\`. How to scrape them, the dashboard and the alerts:
[monitoring.md](../monitoring.md).

A histogram has the three series \`_bucket\` (with the label \`le\`), \`_sum\` and \`_count\`.

${GROUPS.map(section).join('\n')}`;
}

function section({ title, families }: (typeof GROUPS)[number]): string {
  const rows = families.map((family) => {
    const { name, type, labels, help } = family;
    const named = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${named} | ${unitOf(family)} | ${help} |`;
  });
  return `## ${title}

| metric | type | labels | unit | meaning |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

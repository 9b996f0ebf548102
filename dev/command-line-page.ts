/** The reference pages of the commands, from their own help. */

/** @param more what the help does not say, in Markdown */
export function commandLinePage(command: string, usage: string, more: string): string {
  return `# ${command}

<!-- Generated from the command's own help; \`npm run generate\` writes it. -->

\`\`\`
${usage.trimEnd()}
\`\`\`

${more}`;
}

export const PLUGIN_SERVER_MORE = `The status port answers GET and HEAD:

| path | |
|---|---|
| \`/\` | the page for people ([status page](../status-page.md)) |
| \`/troubleshooting\` | [troubleshooting](../troubleshooting.md), which the page links to |
| \`/status\` | the same facts as JSON |
| \`/metrics\` | for Prometheus ([monitoring](../monitoring.md)) |
| \`/ready\` | 200 when requests can be answered, else 503 |
| \`/live\` | 200 while the event loop turns; 503 in a process that drains or was replaced |

Variables of its environment (those of the commands are in the help of [kong-kafka](kong-kafka.md) and
[kong-kafka-replay](replay.md)):

| variable | |
|---|---|
| \`KONG_KAFKA_STATUS_TOKEN\` | what \`--status-token\` says, out of sight of ps |
| \`KONG_KAFKA_NODE_ID\` | name of this gateway, for \`reply_routing\` partition and topic; default: the host name ([many gateways](../many-gateways.md#names-of-gateways)) |
| \`KONG_KAFKA_LOG_SINKS\` | a file of sinks for Kong's HTTP Log plugin ([how](../moving-from-kafka-log.md#half-the-price-kongs-http-log-in-front)) |
| \`KONG_KAFKA_FAILOVER_SECRET\` | with the same one, processes take each other's tickets ([how](../failover.md#changes-and-upgrades)) |
| \`KONG_KAFKA_WORKER\`, \`KONG_KAFKA_NODE_SECRET\` | what the primary tells its [workers](../workers.md): their number, and what they sign with where no secret is configured. Not for you to set |
| \`UV_THREADPOOL_SIZE\` | threads for calls to Kafka, name lookups and files; default: 192 |
| \`OTEL_…\` | traces ([which](../tracing.md#spans)) |

Levels, forms and names of the log: [logs](../logs.md).
`;

export const REPLAY_MORE = `What it promises, and when each exit status comes: [failover](../failover.md#kong-kafka-replay).
`;

/** The reference page of the plugin server's command line. */

export function commandLinePage(usage: string): string {
  return `# kong-kafka-pluginserver

<!-- Generated from the command's own help; \`npm run generate\` writes it. -->

\`\`\`
${usage.trimEnd()}
\`\`\`

The status port answers GET and HEAD:

| path | |
|---|---|
| \`/\` | the page for people ([status page](../status-page.md)) |
| \`/troubleshooting\` | [troubleshooting](../troubleshooting.md), which the page links to |
| \`/status\` | the same facts as JSON |
| \`/metrics\` | for Prometheus ([monitoring](../monitoring.md)) |
| \`/ready\` | 200 when requests can be answered, else 503 |
| \`/live\` | 200 while the event loop turns; 503 in a process that drains or was replaced |

Levels, forms and names of the log: [logs](../logs.md).
`;
}

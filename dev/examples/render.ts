/** An example as Admin API calls, as declarative configuration and as Kubernetes resources. */
import { stringify } from 'yaml';
import type { Example, ExamplePlugin } from './examples';

/** What the examples call their route. */
export const ROUTE = 'my-route';

export function adminApi({ plugins }: Example): string {
  return plugins
    .map((plugin) => {
      const body = JSON.stringify(plugin, null, 2).replaceAll("'", "'\\''");
      return `curl -i http://localhost:8001/routes/${ROUTE}/plugins \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'\n`;
    })
    .join('\n');
}

export function declarative({ plugins }: Example): string {
  return yaml({ _format_version: '3.0', routes: [{ name: ROUTE, paths: [`/${ROUTE}`], plugins }] });
}

export function kongPlugins(example: Example): string {
  return example.plugins.map((plugin) => yaml(kongPlugin(example, plugin))).join('---\n');
}

/** The resource; an Ingress or HTTPRoute refers to it by `konghq.com/plugins`. */
function kongPlugin({ slug }: Example, { name, config }: ExamplePlugin): object {
  return {
    apiVersion: 'configuration.konghq.com/v1',
    kind: 'KongPlugin',
    metadata: { name: resourceName(slug, name) },
    plugin: name,
    ...(config && { config }),
  };
}

/** Kubernetes takes lower case letters, digits and hyphens. */
function resourceName(slug: string, plugin: string): string {
  return `${slug}-${plugin.replace('custom_kafka_', '').replaceAll('_', '-')}`;
}

function yaml(value: object): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

export function examplesPage(examples: readonly Example[]): string {
  return [
    '# Examples',
    '',
    '<!-- Generated from dev/examples; `npm run generate` writes it. -->',
    '',
    `Each one in three forms: for the Admin API, for \`kong.yml\` and decK, and for Kong's Ingress Controller. The route is called \`${ROUTE}\` and exists already in the first form. Have Kong's Correlation ID plugin on as well, with \`header_name: Kong-Request-ID\` and \`echo_downstream: true\`, so that clients learn the id of their request. Every option: [producer](reference/custom_kafka_producer.md), [consumer](reference/custom_kafka_consumer.md), [both in one](reference/custom_kafka_request_reply.md), [log](reference/custom_kafka_log.md), [failover](reference/custom_kafka_failover.md).`,
    '',
    ...examples.map(({ title }) => `- [${title}](#${anchor(title)})`),
    '',
    ...examples.flatMap(section),
  ].join('\n');
}

function section(example: Example): string[] {
  const annotation = example.plugins.map(({ name }) => resourceName(example.slug, name)).join(',');
  return [
    `## ${example.title}`,
    '',
    example.about,
    '',
    'Admin API:',
    '',
    fenced('sh needs=kong', adminApi(example)),
    '',
    '`kong.yml`, decK:',
    '',
    fenced('yaml', declarative(example)),
    '',
    `Kubernetes, with \`konghq.com/plugins: ${annotation}\` on the Ingress or HTTPRoute:`,
    '',
    fenced('yaml', kongPlugins(example)),
    '',
  ];
}

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\`\`\``;
}

/** As renderers of Markdown make one from a heading. */
function anchor(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-');
}

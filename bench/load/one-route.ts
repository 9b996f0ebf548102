import { stringify } from 'yaml';
import type { KafkaServer } from '../../dev/kafka/server';
import { routePlugins, type PluginForm } from '../../dev/plugin-form';

/** A kong.yml with one route, `/<name>`, and the Correlation ID plugin as in every Kong that this product runs in. */
export function oneRoute(name: string, form: PluginForm, kafka: KafkaServer, request: object): string {
  return stringify({
    _format_version: '3.0',
    routes: [
      {
        name,
        paths: [`/${name}`],
        plugins: [
          {
            name: 'correlation-id',
            config: { header_name: 'Kong-Request-ID', generator: 'uuid', echo_downstream: true },
          },
          ...routePlugins(form, {
            bootstrap_servers: kafka.nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
            ...request,
          }),
        ],
      },
    ],
  });
}

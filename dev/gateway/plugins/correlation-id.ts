/** Kong's Correlation ID plugin with the priority it has from 3.9 on: before everything else. */
import { randomUUID } from 'node:crypto';
import { HTTP_PROTOCOLS, type BundledPlugin } from '../bundled-plugin';
import { DONE } from '../event';
import type { RequestContext } from '../request-context';

type Generator = 'uuid' | 'uuid#counter' | 'tracker';

export function correlationId(): BundledPlugin {
  const workerUuid = randomUUID();
  let counter = 0;
  /** What `echo_downstream` sends back: the id of the access phase, whatever happens to the header later. */
  const remembered = new WeakMap<RequestContext, string>();

  function generate(generator: Generator, request: RequestContext): string {
    switch (generator) {
      case 'uuid':
        return randomUUID();
      case 'uuid#counter':
        counter += 1;
        return `${workerUuid}#${counter}`;
      case 'tracker':
        return [
          request.serverAddress,
          request.port,
          process.pid,
          request.connectionNumber,
          request.connectionRequests,
          (Date.now() / 1000).toFixed(3),
        ].join('-');
    }
  }

  return {
    name: 'correlation-id',
    priority: 100001,
    schema: {
      name: 'correlation-id',
      fields: [
        HTTP_PROTOCOLS,
        {
          config: {
            type: 'record',
            fields: [
              { header_name: { type: 'string', default: 'Kong-Request-ID' } },
              {
                generator: {
                  type: 'string',
                  required: true,
                  default: 'uuid#counter',
                  one_of: ['uuid', 'uuid#counter', 'tracker'],
                },
              },
              { echo_downstream: { type: 'boolean', required: true, default: false } },
            ],
          },
        },
      ],
    },
    access(config, request) {
      const name = config.header_name as string;
      let id = request.headers.first(name);
      // The id of a client is kept, whatever it looks like.
      if (id === undefined || id === '') {
        id = generate(config.generator as Generator, request);
        request.headers.set(name, [id]);
      }
      if (config.echo_downstream === true) remembered.set(request, id);
      return DONE;
    },
    headerFilter(config, request) {
      if (config.echo_downstream !== true) return;
      const name = config.header_name as string;
      const id =
        remembered.get(request) ||
        request.headers.first(name) ||
        generate(config.generator as Generator, request);
      request.responseHeaders.set(name, [id]);
    },
  };
}

/** What a route does with the replies to its requests. */
import type { Field } from './fields';

export const MODE = {
  name: 'mode',
  type: 'string',
  oneOf: ['wait', 'result', 'stream'],
  default: 'wait',
  description:
    '`wait` (default): holds the client until the reply to its request. `result`: answers `GET …/{id}` with the reply to an earlier request that was answered with 202, and `DELETE …/{id}` by letting go of it; nothing is sent (docs/async.md). `stream`: sends each reply on as it comes, as server-sent events; in custom_kafka_request_reply also over a WebSocket, where each message is a request; needs `--http-listen` of the plugin server (docs/streams.md).',
} as const satisfies Field;

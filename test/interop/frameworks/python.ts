import { join } from 'node:path';
import { NO_REPLY_MS, order, route, type Framework } from '../framework';

/** The id travels inside the JSON body, under one name to the service and under another one back. */
const IN_BODY = {
  producer: { message_format: 'body_with_correlation_id' },
  consumer: { match: 'body_field' },
};

export const PYTHON: Framework = {
  name: 'python',
  title: 'Python, confluent-kafka, the id in the JSON body',
  version: { file: 'requirements.txt', pattern: /confluent-kafka==(\S+)/ },
  build: [['python3', '-m', 'pip', 'install', '--quiet', '--target', 'lib', '-r', 'requirements.txt']],
  start: (home) => ({
    command: 'python3',
    args: [join(home, 'orders.py')],
    env: { PYTHONPATH: join(home, 'lib') },
  }),
  path: '/python',
  routes: [
    route('/python', 'python', IN_BODY),
    {
      path: '/python/silent',
      producer: { topic: 'python.requests', reply_topic: 'python.replies', ...IN_BODY.producer },
      consumer: { ...IN_BODY.consumer, timeout: NO_REPLY_MS },
    },
  ],
  cases: [
    {
      name: 'the service raises',
      path: '/python/silent',
      body: order('book', 0),
      expected: { status: 504, code: 'reply_timeout' },
      because: 'The service logs the exception and reads on, as such loops do. It sends nothing.',
    },
    {
      name: 'the body is not a JSON object',
      path: '/python',
      body: '["book"]',
      expected: { status: 415, code: 'unsupported_media_type' },
      because:
        'The gateway cannot put the id into such a body, and refuses the request before it sends anything.',
    },
  ],
};

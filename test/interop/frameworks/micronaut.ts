import { join } from 'node:path';
import { NO_REPLY_MS, PATIENCE_MS, order, type Framework } from '../framework';
import { java, MAVEN_BUILD } from '../java';

/** The service answers to a topic of its own choice, with the key of the request. */
const TOPICS = { topic: 'micronaut.requests', reply_topic: 'micronaut.replies' };
/** Without the id in headers: Micronaut copies those, too, and one of them would be enough. */
const BY_KEY = { ...TOPICS, key_source: 'correlation_id', dialects: [] };

export const MICRONAUT: Framework = {
  name: 'micronaut',
  title: 'Micronaut Kafka, the id as the record key',
  version: { file: 'pom.xml', pattern: /micronaut-parent<\/artifactId>\s*<version>([^<]+)</ },
  build: MAVEN_BUILD,
  start: (home) => java('-jar', join(home, 'target', 'orders-1.jar')),
  path: '/micronaut',
  routes: [
    { path: '/micronaut', producer: BY_KEY, consumer: { match: 'key', timeout: PATIENCE_MS } },
    { path: '/micronaut/by-header', producer: TOPICS, consumer: { timeout: PATIENCE_MS } },
    { path: '/micronaut/silent', producer: BY_KEY, consumer: { match: 'key', timeout: NO_REPLY_MS } },
  ],
  cases: [
    {
      name: 'nothing goes wrong, and the request has no key',
      path: '/micronaut/by-header',
      body: order('book', 1),
      expected: { status: 200, body: '{"status":"accepted","item":"book"}' },
      because:
        'Micronaut copies all headers of the request into the reply, the correlation id among them, so the defaults of both plugins do.',
    },
    {
      name: 'the method throws',
      path: '/micronaut/silent',
      body: order('book', 0),
      expected: { status: 504, code: 'reply_timeout' },
      because: 'Micronaut logs the exception and goes on to the next record. It sends nothing.',
    },
    {
      name: 'the method returns null',
      path: '/micronaut/silent',
      body: order('', 1),
      expected: { status: 504, code: 'reply_timeout' },
      because: 'Micronaut sends nothing for a null result.',
    },
  ],
};

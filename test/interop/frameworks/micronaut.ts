import { join } from 'node:path';
import { NO_REPLY_MS, order, type Framework } from '../framework';
import { java, MAVEN_BUILD } from '../java';

/** Of a request Micronaut copies nothing but the record's key. */
const BY_KEY = {
  topic: 'micronaut.requests',
  reply_topic: 'micronaut.replies',
  key_source: 'correlation_id',
};

export const MICRONAUT: Framework = {
  name: 'micronaut',
  title: 'Micronaut Kafka, the id as the record key',
  version: { file: 'pom.xml', pattern: /micronaut-parent<\/artifactId>\s*<version>([^<]+)</ },
  build: MAVEN_BUILD,
  start: (home) => java('-jar', join(home, 'target', 'orders-1.jar')),
  path: '/micronaut',
  routes: [
    { path: '/micronaut', producer: BY_KEY, consumer: { match: 'key', timeout: 15_000 } },
    { path: '/micronaut/silent', producer: BY_KEY, consumer: { match: 'key', timeout: NO_REPLY_MS } },
  ],
  cases: [
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

import { join } from 'node:path';
import { NO_REPLY_MS, order, ownTopic, route, type Framework } from '../framework';
import { java, MAVEN_BUILD } from '../java';

const OWN_TOPIC = ownTopic('/spring/topic', 'spring');

export const SPRING: Framework = {
  name: 'spring',
  title: 'Spring Boot, spring-kafka',
  version: { file: 'pom.xml', pattern: /starter-parent<\/artifactId>\s*<version>([^<]+)</ },
  build: MAVEN_BUILD,
  start: (home) => java('-jar', join(home, 'target', 'orders.jar')),
  path: '/spring',
  routes: [
    route('/spring', 'spring'),
    route('/spring/silent', 'spring', { timeoutMs: NO_REPLY_MS }),
    route('/spring/telling', 'spring.telling'),
    OWN_TOPIC.route,
    route('/spring/several', 'spring.several', { consumer: { collect: { count: 2 } } }),
  ],
  cases: [
    OWN_TOPIC.case,
    {
      name: 'the listener throws',
      path: '/spring/silent',
      body: order('book', 0),
      expected: { status: 504, code: 'reply_timeout' },
      because:
        'Spring calls the listener ten times in a row, which holds up the requests behind it for about five seconds, then logs the exception and sends nothing.',
    },
    {
      name: 'the listener throws, and an error handler answers',
      path: '/spring/telling',
      body: order('book', 0),
      expected: { status: 422, body: '{"message":"quantity must be at least 1"}' },
      because:
        'A KafkaListenerErrorHandler returns a message with the header `status: 422`; Spring sends it.',
    },
    {
      name: 'two consumer groups answer each request',
      path: '/spring/several',
      body: order('book', 1),
      times: 20,
      expected: {
        status: 200,
        body: '[{"status":"accepted","item":"book"},{"status":"accepted","item":"book"}]',
      },
      because: '`collect.count: 2`: what AggregatingReplyingKafkaTemplate does inside of Spring.',
    },
    {
      name: 'the listener returns null',
      path: '/spring/silent',
      body: order('', 1),
      expected: { status: 504, code: 'reply_timeout' },
      because: 'Spring sends nothing for a null result.',
    },
    {
      name: 'the body is not JSON',
      path: '/spring/silent',
      body: 'a book, please',
      expected: { status: 504, code: 'reply_timeout' },
      because:
        'ErrorHandlingDeserializer hands the record to the error handler, which logs it. Nothing is sent.',
    },
  ],
};

import { join } from 'node:path';
import { NO_REPLY_MS, order, ownTopic, route, type Framework } from '../framework';
import { java, MAVEN_BUILD } from '../java';

const OWN_TOPIC = ownTopic('/quarkus/topic', 'quarkus');

export const QUARKUS: Framework = {
  name: 'quarkus',
  title: 'Quarkus, SmallRye Reactive Messaging',
  version: { file: 'pom.xml', pattern: /<quarkus\.version>([^<]+)</ },
  build: MAVEN_BUILD,
  start: (home) => java('-jar', join(home, 'target', 'quarkus-app', 'quarkus-run.jar')),
  path: '/quarkus',
  routes: [
    route('/quarkus', 'quarkus'),
    route('/quarkus/silent', 'quarkus', { timeoutMs: NO_REPLY_MS }),
    OWN_TOPIC.route,
  ],
  cases: [
    OWN_TOPIC.case,
    {
      name: 'the method throws',
      path: '/quarkus/silent',
      body: order('book', 0),
      expected: { status: 504, code: 'reply_timeout' },
      because:
        'With `failure-strategy=ignore` SmallRye logs the exception and reads on; it sends nothing. With its default, `fail`, it stops reading.',
    },
    {
      name: 'the method returns null',
      path: '/quarkus/silent',
      body: order('', 1),
      expected: { status: 504, code: 'reply_timeout' },
      because: 'SmallRye sends nothing for a null result.',
    },
  ],
};

import { join } from 'node:path';
import { NO_REPLY_MS, order, REGISTRY_URL, route, type Framework } from '../framework';
import { java, MAVEN_BUILD } from '../java';

const ORDER = {
  type: 'record',
  name: 'Order',
  namespace: 'orders',
  fields: [
    { name: 'item', type: 'string' },
    { name: 'quantity', type: 'int' },
  ],
};
const schema_registry = { confluent: { url: REGISTRY_URL } };
const WITH_SCHEMAS = { producer: { schema_registry }, consumer: { schema_registry } };

export const SPRING_AVRO: Framework = {
  name: 'spring-avro',
  title: "Spring Boot, spring-kafka, Avro by Apicurio's serializers",
  version: { file: 'pom.xml', pattern: /starter-parent<\/artifactId>\s*<version>([^<]+)</ },
  build: MAVEN_BUILD,
  start: (home) => java('-jar', join(home, 'target', 'orders.jar')),
  subjects: { 'spring-avro.requests-value': { schema: JSON.stringify(ORDER) } },
  path: '/spring-avro',
  routes: [
    route('/spring-avro', 'spring-avro', WITH_SCHEMAS),
    route('/spring-avro/silent', 'spring-avro', { ...WITH_SCHEMAS, timeoutMs: NO_REPLY_MS }),
  ],
  cases: [
    {
      name: 'the body does not fit the schema',
      path: '/spring-avro',
      body: JSON.stringify({ item: 'book', quantity: 'many' }),
      expected: { status: 400, code: 'schema_mismatch' },
      because: 'The gateway checks it against the latest version of the subject, and sends nothing.',
    },
    {
      name: 'the listener throws',
      path: '/spring-avro/silent',
      body: order('book', 0),
      expected: { status: 504, code: 'reply_timeout' },
      because: 'As without Avro: Spring tries ten times, logs the exception and sends nothing.',
    },
  ],
};

import { join } from 'node:path';
import { NO_REPLY_MS, order, ownPartition, ownTopic, route, type Framework } from '../framework';

const OWN_TOPIC = ownTopic('/nestjs/topic', 'nestjs');
const OWN_PARTITION = ownPartition('/nestjs/partition', 'nestjs', 'nestjs');

export const NESTJS: Framework = {
  name: 'nestjs',
  title: 'NestJS microservice',
  version: { file: 'package.json', pattern: /"@nestjs\/microservices": "([^"]+)"/ },
  build: [
    ['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error'],
    ['npm', 'run', '--silent', 'build'],
  ],
  start: (home) => ({ command: process.execPath, args: [join(home, 'dist', 'main.js')] }),
  path: '/nestjs',
  routes: [
    route('/nestjs', 'nestjs'),
    route('/nestjs/unhandled', 'nestjs.unhandled', { timeoutMs: NO_REPLY_MS }),
    OWN_TOPIC.route,
    OWN_PARTITION.route,
    route('/nestjs/several', 'nestjs.several', {
      consumer: { collect: { end_header: 'kafka_nest-is-disposed' } },
    }),
  ],
  cases: [
    OWN_TOPIC.case,
    OWN_PARTITION.case,
    {
      name: 'the handler throws an RpcException with a text',
      path: '/nestjs',
      body: order('book', 0),
      expected: { status: 502, code: 'responder_error' },
      because: 'NestJS sends a record without a value, with the error in the header `kafka_nest-err`.',
    },
    {
      name: 'the handler throws an RpcException with a status',
      path: '/nestjs',
      body: order('book', 1000),
      expected: { status: 409, code: 'responder_error' },
      because:
        'NestJS sends the object as JSON in `kafka_nest-err`; its `status` becomes that of the answer.',
    },
    {
      name: 'the handler throws another error',
      path: '/nestjs',
      body: order('book', -1),
      expected: { status: 502, code: 'responder_error' },
      because: 'NestJS logs it and sends `kafka_nest-err` with no more than "Internal server error".',
    },
    {
      name: 'the handler returns null',
      path: '/nestjs',
      body: order('null', 1),
      expected: { status: 204 },
      because: 'NestJS sends a record without a value and without an error.',
    },
    {
      name: 'the handler returns undefined',
      path: '/nestjs',
      body: order('undefined', 1),
      expected: { status: 204 },
      because: 'NestJS sends a record without a value and without an error.',
    },
    {
      name: 'the handler returns an Observable',
      path: '/nestjs/several',
      body: order('book', 3),
      expected: {
        status: 200,
        body: JSON.stringify([1, 2, 3].map((number) => ({ status: 'accepted', item: `book ${number}` }))),
      },
      because:
        '`collect.end_header: kafka_nest-is-disposed`: NestJS sends each value as a reply, and this header with the last one or after it.',
    },
    {
      name: 'the Observable emits nothing',
      path: '/nestjs/several',
      body: order('book', 0),
      expected: { status: 200, body: '[]' },
      because: 'NestJS sends nothing but the header of the end.',
    },
    {
      name: 'the Observable fails after its first value',
      path: '/nestjs/several',
      body: order('broken', 3),
      expected: { status: 502, code: 'responder_error' },
      because: 'NestJS sends `kafka_nest-err`, and an error reply is the answer whatever came before it.',
    },
    {
      name: 'no handler has the topic as its pattern',
      path: '/nestjs/unhandled',
      body: order('book', 1),
      expected: { status: 504, code: 'reply_timeout' },
      because: 'NestJS subscribes to the patterns of its handlers only, so nobody reads the request.',
    },
  ],
};

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pluginOptions, REGISTRY_URL, route, routeIn } from './framework';

test('the options that a service needs are told without what every route has', () => {
  const path = '/a';
  assert.equal(pluginOptions({ path, routes: [route(path, 'a')] }), 'defaults');
  const needy = route(path, 'a', {
    producer: { key_source: 'correlation_id', dialects: [] },
    consumer: { match: 'key' },
  });
  assert.equal(
    pluginOptions({ path, routes: [route('/b', 'b'), needy] }),
    '`key_source: correlation_id`, `dialects: []`, `match: key`',
  );
  assert.equal(
    pluginOptions({ path, routes: [needy] }, 'one-event'),
    '`key_source: correlation_id`, `dialects: []`, `reply.match: key`',
  );
});

test('a route of the one plugin has all options, under a path beside that of the pair', () => {
  const own = route('/a', 'a', {
    producer: { key_source: 'none' },
    consumer: { match: 'key' },
    timeoutMs: 9,
  });
  assert.deepEqual(routeIn('pair', own), own);
  assert.deepEqual(routeIn('one-event', own), {
    path: '/one-event/a',
    requestReply: {
      topic: 'a.requests',
      reply_topic: 'a.replies',
      key_source: 'none',
      reply: { timeout: 9, match: 'key' },
    },
  });
});

test('the one plugin has its schema registry once, for both ways', () => {
  const schema_registry = { confluent: { url: REGISTRY_URL } };
  const both = route('/a', 'a', { producer: { schema_registry }, consumer: { schema_registry } });
  assert.deepEqual(routeIn('pair', both), both);
  const { requestReply } = routeIn('one-event', both);
  assert.deepEqual([requestReply?.schema_registry, (requestReply?.reply as object | undefined) ?? {}], [
    schema_registry, { timeout: 15_000 },
  ]);
}); // prettier-ignore

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pluginOptions, route } from './framework';

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
});

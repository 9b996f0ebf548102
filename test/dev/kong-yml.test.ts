import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { renderKongYml } from '../../dev/kong-yml';

const KONG_YML = readFileSync(join(__dirname, '..', '..', '..', 'kong', 'kong.yml'), 'utf8');
const registries = (text: string) =>
  [...text.matchAll(/^ +confluent:\n +url: (\S+)$/gm)].map(([, url]) => url);

test('kong.yml gets other brokers and another registry, and keeps its comments', () => {
  const rendered = renderKongYml(KONG_YML, 'one:9092,two:9093', 'http://127.0.0.1:8081');
  assert.doesNotMatch(rendered, /host: kafka/);
  assert.match(rendered, /bootstrap_servers: \[ \{ host: one, port: 9092 \}, \{ host: two, port: 9093 \} \]/);
  assert.deepEqual(registries(rendered), ['http://127.0.0.1:8081']);
  const comments = (text: string) =>
    text.split('\n').filter((line) => line.trimStart().startsWith('#')).length;
  assert.equal(comments(rendered), comments(KONG_YML));
});

test('the registry stays where nobody names another', () => {
  assert.deepEqual(registries(renderKongYml(KONG_YML, 'kafka:9092')), registries(KONG_YML));
});

test('what is no address is refused in one sentence', () => {
  assert.throws(() => renderKongYml(KONG_YML, 'kafka'), /^Error: --bootstrap takes <host:port>/);
  assert.throws(
    () => renderKongYml(KONG_YML, 'kafka:1', 'registry:8081'),
    /--registry takes an http or https URL/,
  );
});

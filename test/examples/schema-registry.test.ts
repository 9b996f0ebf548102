/** The examples of docs/schema-registry.md are configurations. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { newKeyPair } from '../support/key-pair';

const PAGE = readFileSync(join(__dirname, '..', '..', '..', 'docs', 'schema-registry.md'), 'utf8');
const examples = [...PAGE.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text);
const LEAST = { bootstrap_servers: [{ host: 'kafka', port: 9092 }], topic: 'orders', reply_topic: 'replies' };

/** What Kong puts in place of a reference before the plugin sees it. */
function resolved(text: string): string {
  const { certificate, key } = newKeyPair();
  const put = (pem: string) => JSON.stringify(pem);
  return text
    .replaceAll(/'\{vault:\/\/env\/registry-(?:ca|certificate)\}'/g, put(certificate))
    .replaceAll(/'\{vault:\/\/env\/registry-key\}'/g, put(key));
}

test('there is an example for each registry', () => {
  const products = [...PAGE.matchAll(/^\*\*([A-Z][A-Za-z ]+)\.\*\*/gm)].map(([, name]) => name);
  assert.deepEqual(products, ['Confluent Platform', 'Confluent Cloud', 'Apicurio', 'Karapace', 'Redpanda']);
  assert.ok(examples.length > products.length);
});

for (const [index, text] of examples.entries()) {
  test(`example ${index + 1} is taken`, () => {
    const example = parse(resolved(text)) as Record<string, unknown> | { config: object }[];
    const config = Array.isArray(example) ? example[0]?.config : { ...LEAST, ...example };
    const { schema_registry } = parseRequestReplyConfig(config);
    assert.ok(schema_registry.confluent.url);
  });
}

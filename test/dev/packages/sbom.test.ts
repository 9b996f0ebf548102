import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { installedPackages, librdkafka } from '../../../dev/packages/licences';
import { sbom } from '../../../dev/packages/sbom';

const ROOT = join(__dirname, '..', '..', '..', '..');

test('the bill of materials has everything that is installed along, and the C library in the Kafka client', () => {
  const made = sbom(ROOT);
  assert.equal(made.bomFormat, 'CycloneDX');
  const library = librdkafka(ROOT).version;
  assert.deepEqual(
    made.components.map(({ purl }) => purl).sort(),
    [
      ...installedPackages(ROOT).map(({ name, version }) => `pkg:npm/${name.replace('@', '%40')}@${version}`),
      `pkg:github/confluentinc/librdkafka@v${library}`,
    ].sort(),
  );
  const client = made.dependencies.find(({ ref }) => ref.startsWith('node-rdkafka@'));
  assert.ok(client?.dependsOn?.includes(`librdkafka@${library}`));
});

// npm calls it as the folder is called, in which it happens to lie.
test('it is that of this package, wherever it lies', () => {
  const { component } = sbom(ROOT).metadata;
  assert.deepEqual([component.name, component.type], ['kong-kafka-request-reply', 'application']);
});

test('every reference in it leads to something', () => {
  const { metadata, components, dependencies } = sbom(ROOT);
  const known = new Set([metadata.component, ...components].map((component) => component['bom-ref']));
  for (const { ref, dependsOn = [] } of dependencies)
    for (const one of [ref, ...dependsOn]) assert.ok(known.has(one), one);
});

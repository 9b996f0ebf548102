import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { installedPackages, isPermissive, librdkafka, licenceList } from '../../../dev/packages/licences';

const ROOT = join(__dirname, '..', '..', '..', '..');

describe('what is installed along', () => {
  const installed = installedPackages(ROOT);

  it('is all there, and nothing of development', () => {
    const names = installed.map(({ name }) => name);
    for (const name of ['node-rdkafka', 'ajv', '@opentelemetry/core']) assert.ok(names.includes(name), name);
    for (const name of ['typescript', 'kong-pdk', 'avsc']) assert.ok(!names.includes(name), name);
    assert.equal(installed.find(({ name }) => name === '@opentelemetry/core')?.optional, true);
  });

  it('has permissive licences only', () => {
    for (const { name, licence } of installed) assert.ok(isPermissive(licence), `${name}: ${licence}`);
  });

  // Compiling the Kafka client is the one thing that an installation runs.
  it('runs no script but that of the Kafka client', () => {
    assert.deepEqual(
      installed.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name),
      ['node-rdkafka'],
    );
  });

  it('is in the list for people, with the C library and the licences in it', () => {
    const list = licenceList(ROOT);
    for (const { name, version } of installed) assert.ok(list.includes(`${name} ${version}`), name);
    const { version, licences } = librdkafka(ROOT);
    assert.match(version, /^\d+\.\d+\.\d+$/);
    assert.ok(list.includes(`librdkafka, in node-rdkafka ${version}`));
    // Each licence in that file has its name above a line; none of them forbids anything.
    const names = [...licences.matchAll(/^(LICENSE\S*)$/gm)].map(([, name]) => name);
    assert.ok(names.length > 10);
    assert.doesNotMatch(licences, /\b(GNU|GPL|LGPL|AGPL|SSPL|copyleft)\b/i);
  });
});

describe('a licence is permissive', () => {
  for (const expression of ['MIT', '(Apache-2.0 AND BSD-3-Clause)', 'GPL-2.0-only OR MIT'])
    it(`when it is ${expression}`, () => assert.ok(isPermissive(expression)));
  for (const expression of [
    'GPL-3.0-only',
    'MIT AND LGPL-2.1-only',
    'BUSL-1.1',
    'unknown',
    '',
    'SEE LICENSE IN X',
  ])
    it(`but not when it is ${JSON.stringify(expression)}`, () => assert.ok(!isPermissive(expression)));
});

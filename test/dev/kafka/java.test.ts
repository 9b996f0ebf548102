import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { findJava, majorVersion } from '../../../dev/kafka/java';

/** A JAVA_HOME whose java only tells the given version. */
async function fakeJavaHome(t: TestContext, version: string): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'java-home-'));
  t.after(() => rm(home, { recursive: true }));
  await mkdir(join(home, 'bin'));
  const java = join(home, 'bin', 'java');
  await writeFile(java, `#!/bin/sh\necho 'openjdk version "${version}" 2026-01-01' >&2\n`);
  await chmod(java, 0o755);
  return home;
}

test('the Java of JAVA_HOME is used and its version told', async (t) => {
  const home = await fakeJavaHome(t, '21.0.2');
  assert.deepEqual(await findJava({ JAVA_HOME: home }), {
    command: join(home, 'bin', 'java'),
    version: '21.0.2',
  });
});

test('an old Java is refused with what is needed', async (t) => {
  const home = await fakeJavaHome(t, '11.0.22');
  await assert.rejects(findJava({ JAVA_HOME: home }), /is Java 11\.0\.22; Kafka needs Java 17 or newer\.$/);
});

test('a missing Java is told in one sentence', async () => {
  await assert.rejects(
    findJava({ JAVA_HOME: '/nowhere' }),
    /^Error: Cannot run \/nowhere\/bin\/java: install Java 17/,
  );
});

test('the old version scheme counts as old', () => {
  assert.equal(majorVersion('1.8.0_402'), 1);
  assert.equal(majorVersion('25'), 25);
});

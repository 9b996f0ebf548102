import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingIn, versionOf } from './build';
import { FRAMEWORKS } from './frameworks/all';

test('an artifact that is not to be had is told apart from a build that is broken', () => {
  for (const [output, missing] of [
    [
      '[ERROR] Failed to execute goal: Could not find artifact a.b:c:jar:1.0 in central (https://x.invalid/y)\n',
      'the registry has no a.b:c:jar:1.0',
    ],
    ['npm error code ETARGET\nnpm error notarget No matching version', 'code ETARGET'],
    [
      'ERROR: No matching distribution found for confluent-kafka==99',
      'No matching distribution found for confluent-kafka==99',
    ],
    ['/usr/bin/python3: No module named pip', '/usr/bin/python3: No module named pip'],
    ['[ERROR] OrderListener.java:[12,5] cannot find symbol', undefined],
    ["src/main.ts(3,1): error TS2304: Cannot find name 'Foo'.", undefined],
  ] as const) {
    assert.equal(missingIn(output), missing);
  }
});

test('every service pins the version of its framework', () => {
  for (const framework of FRAMEWORKS) assert.match(versionOf(framework), /^\d+(\.\d+)+$/, framework.name);
});

test('no two services share a topic', () => {
  const topics = FRAMEWORKS.map(({ routes }) => [
    ...new Set(routes.flatMap(({ producer }) => [producer?.['topic'], producer?.['reply_topic']])),
  ]);
  assert.equal(new Set(topics.flat()).size, topics.flat().length);
});

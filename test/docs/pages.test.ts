/** The shape of the documentation: a short README, and an index from which every page is reached. */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { allPages } from './support/pages';

const README_LINES = 145;

const pages = allPages();
const page = (path: string) => pages.find((one) => one.path === path) ?? assert.fail(path);

test(`the README has at most ${README_LINES} lines`, () => {
  assert.ok(page('README.md').text.split('\n').length - 1 <= README_LINES);
});

test('the index lists every page of docs, once', () => {
  const index = page('docs/README.md');
  const listed = index.links
    .filter((target) => !target.includes('#') && !target.startsWith('..'))
    .map((target) => join(dirname(index.path), target));
  const there = pages
    .map(({ path }) => path)
    .filter((path) => path.startsWith('docs/') && path !== index.path);
  assert.deepEqual(listed.sort(), there.sort());
});

test('every page has one title, in its first line', () => {
  for (const { path, prose } of pages) {
    const titles = prose.match(/^# .+$/gm) ?? [];
    assert.equal(titles.length, 1, path);
    assert.ok(prose.startsWith(titles[0]), path);
  }
});

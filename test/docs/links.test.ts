/** Links between the pages lead somewhere: to a file that is there, and to a heading that it has. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { allPages, filesBelow, ROOMS, ROOT } from './support/pages';

const pages = allPages();
const anchors = new Map(pages.map((page) => [page.path, page.anchors]));

/** Where a link of another site may lead: nowhere without TLS, but to this machine. */
const EXTERNAL =
  /^https:\/\/[a-z0-9.-]+\.[a-z]{2,}(?:[/?#]|$)|^http:\/\/(?:127\.0\.0\.1|localhost)(?::\d+)?(?:\/|$)/;

for (const page of pages) {
  test(`the links of ${page.path} lead somewhere`, () => {
    for (const target of page.links) {
      if (/^[a-z]+:/.test(target)) {
        assert.match(target, EXTERNAL);
        continue;
      }
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page.path : join(dirname(page.path), path);
      assert.ok(existsSync(join(ROOT, file)), target);
      if (anchor !== undefined) assert.ok(anchors.get(file)?.has(anchor), `${target}: no such heading`);
    }
  });
}

test('pages were found, with links and headings', () => {
  assert.ok(pages.length > 25);
  assert.ok(pages.reduce((sum, { links }) => sum + links.length, 0) > 300);
  assert.ok(anchors.get('docs/install.md')?.has('when-the-plugin-server-is-gone'));
});

/** Settings, units and programs tell where to read on. */
test('pages that other files speak of are there', () => {
  const places = [
    ...['Makefile', 'Dockerfile.kong', 'docker-compose.yml'],
    ...filesBelow(ROOMS.filter((room) => room !== 'docs' && room !== 'test')),
  ];
  let count = 0;
  for (const place of places) {
    const text = readFileSync(join(ROOT, place), 'utf8');
    for (const [, file = '', anchor] of text.matchAll(/\b(docs\/[a-z_/-]+\.md)(?:#([a-z0-9_-]+))?/g)) {
      assert.ok(existsSync(join(ROOT, file)), `${place} speaks of ${file}`);
      if (anchor !== undefined) assert.ok(anchors.get(file)?.has(anchor), `${place}: ${file}#${anchor}`);
      count++;
    }
  }
  assert.ok(count > 15);
});

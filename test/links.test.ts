/** Links between the pages lead somewhere: to a file that is there, and to a heading that it has. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';

const ROOT = join(__dirname, '..', '..');
const FOLDERS = ['.', 'docs', 'docs/reference', 'test/e2e'];

const pages = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(ROOT, folder, name)),
);

/** As GitHub makes them of headings. */
function anchors(page: string): Set<string> {
  const headings = readFileSync(page, 'utf8').matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, text = '']) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

for (const page of pages) {
  test(`the links of ${relative(ROOT, page)} lead somewhere`, () => {
    const text = readFileSync(page, 'utf8').replace(/^```[^]*?^```/gm, '');
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      assert.ok(existsSync(file), target);
      if (anchor !== undefined) assert.ok(anchors(file).has(anchor), target);
    }
  });
}

test('pages were found, with their headings', () => {
  assert.ok(pages.length > 10);
  assert.ok(anchors(join(ROOT, 'README.md')).has('when-the-plugin-server-is-gone'));
});

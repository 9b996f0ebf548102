/**
 * The pages in a real browser: nothing is complained about, and everything fits, by day and by night. With
 * `STATUS_PICTURE=<file>` the picture of docs/status-page.md is written there.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pageFacts } from '../../status/facts';
import { guidePage } from '../../status/guide';
import { statusPage } from '../../status/page';
import { CONTENT_SECURITY_POLICY } from '../../status/style';
import { Browser, findChromium } from '../support/browser';
import { NOW, pictureStatus, status, troubledStatus } from './example-status';

const chromium = findChromium();
const guide = readFileSync(join(__dirname, '..', '..', '..', 'docs', 'troubleshooting.md'), 'utf8');
const PAGES: Readonly<Record<string, () => string>> = {
  well: () => statusPage(pageFacts(status()), NOW),
  troubled: () => statusPage(pageFacts(troubledStatus()), NOW),
  empty: () => statusPage(pageFacts(status({ recent_events: [] }, [])), NOW),
  guide: () => guidePage(guide),
  picture: () => statusPage(pageFacts(pictureStatus()), NOW),
};
/** Of text on the first thing below it that is not transparent, for all text of the page: the least. */
const LEAST_CONTRAST = `(() => {
  const rgb = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = rgb(color).map((part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const { backgroundColor } = getComputedStyle(element);
      if (rgb(backgroundColor)[3] !== 0) return backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  const ratios = [...document.querySelectorAll('main *')]
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''))
    .map((element) => [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a))
    .map(([more, less]) => (more + 0.05) / (less + 0.05));
  return Math.min(...ratios);
})()`;

describe(
  'in a browser',
  { skip: chromium === undefined && 'no Chromium here: dev/setup/chromium.sh fetches one' },
  () => {
    const server = createServer((request, response) => {
      const page = PAGES[(request.url ?? '').slice(1)];
      response.writeHead(page ? 200 : 404, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': CONTENT_SECURITY_POLICY,
      });
      response.end(page?.());
    });
    let browser: Browser;
    before(async () => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      browser = Browser.start(chromium ?? '');
    });
    after(async () => {
      await browser.close();
      server.close();
      server.closeAllConnections();
    });

    const urlOf = (name: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${name}`;

    for (const name of Object.keys(PAGES)) {
      for (const scheme of ['light', 'dark'] as const) {
        it(`${name} is shown without complaint, fits a phone and can be read, ${scheme}`, async () => {
          const page = await browser.open(urlOf(name), { width: 375, height: 812, scheme });
          assert.deepEqual(page.complaints, []);
          const width = await page.evaluate<number>('document.documentElement.scrollWidth');
          assert.ok(width <= 375, `${width} pixels wide`);
          assert.equal(
            await page.evaluate('getComputedStyle(document.body).margin'),
            '0px',
            'the style is applied',
          );
          const ground = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
          assert.equal(ground, scheme === 'dark' ? 'rgb(15, 18, 22)' : 'rgb(244, 245, 247)');
          const contrast = await page.evaluate<number>(LEAST_CONTRAST);
          assert.ok(contrast >= 4.5, `a contrast of ${contrast}`);
        });
      }
    }

    it('a picture can be taken', async () => {
      const page = await browser.open(urlOf('picture'), { width: 1000, height: 640, scheme: 'light' });
      const picture = await page.screenshot('first');
      assert.ok(picture.length > 10_000);
      const file = process.env['STATUS_PICTURE'];
      if (file !== undefined) writeFileSync(file, picture);
    });
  },
);

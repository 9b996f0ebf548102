/** The constants of docs/sizing.md are those that docs/performance.md has measured, and its example is reckoned right. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Page } from './support/pages';

const SIZING = new Page('docs/sizing.md').text;
const PERFORMANCE = new Page('docs/performance.md').text;

/** "server µs" of the table of figures. */
function serverMicroseconds(inFlight: number, what: string): number {
  const header = /^\| in flight \|.*$/m.exec(PERFORMANCE)?.[0].split('|') ?? [];
  const row = new RegExp(`^\\| ${inFlight} \\| ${what} \\|.*$`, 'm').exec(PERFORMANCE)?.[0].split('|') ?? [];
  return Number(row[header.findIndex((name) => name.trim() === 'server µs')]);
}

function numbersIn(pattern: RegExp): number[] {
  const found = pattern.exec(SIZING) ?? assert.fail(String(pattern));
  return found.slice(1).map((text) => Number(text.replaceAll(',', '')));
}

for (const [plugins, what] of [
  ['custom_kafka_request_reply', 'one-event'],
  ['two plugins', 'server'],
] as const) {
  test(`CPU of a request, ${plugins}`, () => {
    assert.deepEqual(numbersIn(new RegExp(`\\*c\\*, ${plugins} \\| (\\d+) to (\\d+) µs`)), [
      serverMicroseconds(256, what),
      serverMicroseconds(32, what),
    ]);
  });
}

test('the example', () => {
  const [rate, takes, timeout, b] = numbersIn(
    /^([\d,]+) requests per second at the peak; a service that takes ([\d.]+) s; `timeout` of (\d+) s; [^]*?\*b\* = (\d+)/m,
  ) as [number, number, number, number];
  const [usual, worst] = numbersIn(/Waits: usually ([\d,]+), at worst ([\d,]+)\./) as [number, number];
  assert.deepEqual([usual, worst], [rate * takes, rate * timeout]);
  const [r, c, perKb, kb, cores] = numbersIn(
    /CPU: ([\d,]+) × \((\d+) \+ ([\d.]+) × (\d+)\) \/ 1,000,000 = ([\d.]+) cores/,
  ) as [number, number, number, number, number];
  assert.deepEqual([r, c, kb], [rate, serverMicroseconds(32, 'one-event'), b]);
  assert.equal(cores, Math.round((rate * (c + perKb * b)) / 10_000) / 100);
  const [base, perWait, waits, megabytes, ofKong] = numbersIn(
    /(\d+) MB \+ (\d+) KB × ([\d,]+) = (\d+)\s+MB, and Kong (\d+) MB/,
  ) as [number, number, number, number, number];
  assert.deepEqual([waits, megabytes], [worst, base + (perWait * worst) / 1000]);
  assert.equal(ofKong, (20 * worst) / 1000);
  assert.deepEqual(numbersIn(/([\d,]+) \/ 0\.9 = ([\d,]+)/), [worst, Math.round(worst / 0.9)]);
});

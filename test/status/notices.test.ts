/** What the page says of things that concern no single configuration. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { healthOf } from '../../status/health';
import { guidePage } from '../../status/guide';
import { NOTICES, noticesOf } from '../../status/notices';
import { pageFacts } from '../../status/facts';
import { statusPage } from '../../status/page';
import { merged } from '../../pluginserver/workers/node-status';
import { NOW, status } from './example-status';

const ago = (minutes: number): { at: string } => ({
  at: new Date(NOW.getTime() - minutes * 60_000).toISOString(),
});

/** Facts of the process that the request plugins share, and more of others. */
function withFacts(process: object, plugins: object = {}, more: object = {}): object {
  const json = status() as { plugins: Record<string, { process?: object }> };
  const producer = json.plugins['custom_kafka_producer']!;
  return {
    ...json,
    ...more,
    plugins: {
      ...json.plugins,
      custom_kafka_producer: { ...producer, process: { ...producer.process, ...process } },
      ...plugins,
    },
  };
}

const causes = (json: object): (string | undefined)[] =>
  noticesOf(pageFacts(json), NOW).map(({ advice }) => advice?.cause);

describe('the page says', () => {
  const KEPT = { reply_topic: 'orders.replies', kept: 10_000, dropped_early: 12, last_dropped_early: ago(3) };
  const CASES: readonly [what: string, json: object, text: RegExp][] = [
    [
      'which service a breaker leaves alone',
      withFacts(
        {},
        { custom_kafka_failover: { process: { configurations: 1, open_breakers: ['billing'] } } },
      ),
      /A service fails\. Its requests are kept.*Look at the service.*Services: billing/,
    ],
    [
      'that replies were dropped early, of which topic, how often and when',
      withFacts({ kept_replies: [KEPT] }),
      /Raise keep_replies\.count.*Reply topic orders\.replies 12 times since the start, for the last time 3 min ago/,
    ],
    [
      'that streams failed',
      withFacts({ streams: { ended: { failed: 2 }, last_failed: ago(1) } }),
      /Streams ended with an error.*2 times since the start/,
    ],
    [
      'that clients came back to streams that were gone',
      withFacts({ streams: { gone: 1, last_gone: ago(1) } }),
      /Clients came back to streams.*once since the start/,
    ],
    [
      'that Kong did not come for streams',
      withFacts({ streams: { expired: 5, last_expired: ago(1) } }),
      /--http-advertise, must be one that Kong reaches.*5 times/,
    ],
    [
      'which workers do not serve',
      withFacts(
        {},
        {},
        {
          workers: [
            { number: 1, state: 'serving', ready: true },
            { number: 2, state: 'crash loop', ready: false },
            { number: 3, state: 'serving', ready: false },
          ],
        },
      ),
      /Workers do not serve.*worker_lost in the log.*Workers: 2 \(crash loop\), 3 \(not ready\)/,
    ],
  ];
  for (const [what, json, text] of CASES) {
    it(what, () => {
      const page = statusPage(pageFacts(json), NOW)
        .replace(/<[^>]+>/g, ' ')
        .replace(/\s+/g, ' ');
      assert.match(page, text);
    });
  }
});

it('each leads to a section that is there', () => {
  const guide = readFileSync(join(__dirname, '..', '..', '..', 'docs', 'troubleshooting.md'), 'utf8');
  for (const { section } of NOTICES) assert.ok(guidePage(guide).includes(`<h2 id="${section}">`), section);
});

it('of what is well, or was over an hour ago, nothing is said', () => {
  assert.deepEqual(causes(status()), []);
  const old = { last_failed: ago(61), last_gone: ago(61), last_expired: ago(61) };
  const streams = { ended: { failed: 1 }, gone: 1, expired: 1, ...old };
  const kept_replies = [
    { reply_topic: 'a', dropped_early: 1, last_dropped_early: ago(61) },
    { reply_topic: 'b', dropped_early: 0 },
  ];
  assert.deepEqual(causes(withFacts({ streams, kept_replies })), []);
  const open = { custom_kafka_failover: { process: { open_breakers: [] } } };
  assert.deepEqual(causes(withFacts({}, open)), []);
});

it('workers that are not there yet are none that are missing', () => {
  const workers = [{ number: 1, state: 'starting', ready: false }];
  assert.deepEqual(causes(withFacts({}, {}, { state: 'starting', workers })), []);
  assert.deepEqual(causes(withFacts({}, {}, { workers })), ['workers missing']);
});

it('with something to look at the health line does not say that all is well', () => {
  assert.match(healthOf(pageFacts(status()), true).line, /something to look at/);
  assert.equal(healthOf(pageFacts(status()), true).mood, 'warn');
});

it('many names do not fill the page', () => {
  const open_breakers = Array.from({ length: 200 }, (_, number) => `s${number}`);
  const [notice] = noticesOf(
    pageFacts(withFacts({}, { custom_kafka_failover: { process: { open_breakers } } })),
    NOW,
  );
  assert.match(notice?.said ?? '', /s9 and 190 more$/);
});

it('of several workers the latest time and the sum count', () => {
  const streams = merged([
    { gone: 1, last_gone: ago(50) },
    { gone: 2, last_gone: ago(2) },
    { gone: 0 },
  ]) as object;
  const { streams: facts } = pageFacts(withFacts({ streams }));
  assert.deepEqual(facts.gone, { count: 3, ...ago(2) });
});

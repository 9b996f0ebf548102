import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pageFacts } from '../../status/facts';
import { statusPage } from '../../status/page';
import { configuration, NOW, status, troubledStatus } from './example-status';

const render = (json: object): string => statusPage(pageFacts(json), NOW);
/** As it is read. */
const textOf = (page: string): string =>
  page
    .replace(/<style>[^]*<\/style>|<title>.*<\/title>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');

describe('the health line', () => {
  const LINES: readonly [what: string, json: object, line: RegExp][] = [
    ['all is well', status(), /^Ready\. 1 configuration, all well\./],
    ['there was no request yet', status({}, []), /^Ready\. No request has come yet/],
    [
      'one is not ready and one cannot work',
      troubledStatus(),
      /^2 of 5 configurations cannot serve requests\./,
    ],
    [
      'requests fail',
      status({}, [configuration({}, 'reply_timeout')]),
      /^Ready, but requests fail in 1 configuration\./,
    ],
    ['the process is replaced', status({ state: 'replaced', ready: false }), /^Replaced\./],
    ['the process ends', status({ state: 'draining', ready: false }), /^Ending\./],
    ['the process starts', status({ state: 'starting', ready: false }), /^Starting\./],
    [
      'a plugin is not served',
      status({ plugins: { p: { socket_owned: false } } }),
      /^Not ready\. Not served: p\./,
    ],
    ['it is overloaded', status({ recent_events: [{ event: 'overloaded' }] }), /^Overloaded\./],
    [
      'an overload is over',
      status({ recent_events: [{ event: 'overload_over' }, { event: 'overloaded' }] }),
      /^Ready\. 1/,
    ],
    ['it is not ready, and nothing says why', status({ ready: false }), /^Not ready\./],
  ];
  for (const [what, json, line] of LINES) {
    it(`says when ${what}`, () => assert.match(/<h1>([^<]*)<\/h1>/.exec(render(json))?.[1] ?? '', line));
  }
});

describe('a card', () => {
  it('has what a configuration does, in figures that can be read', () => {
    const text = textOf(render(status()));
    assert.match(
      text,
      /orders\.requests → orders\.replies ready on kafka-1\.internal:9092 3 in flight 128 a second 6\.4 ms p50 41 ms p99/,
    );
    assert.match(text, /184,220 answered, 0 failed/);
  });

  it('says of trouble what is wrong, what to do, what was said, when and how often', () => {
    const text = textOf(render(troubledStatus()));
    assert.match(
      text,
      /payments.replies not ready.*The topic does not exist, or this user may not see it\. Create the topic, or grant Describe.*More Topic payments\.replies does not exist/,
    );
    assert.match(
      text,
      /invoices.replies requests fail.*Let the service copy the correlation header.*x-correlation.*Last error reply_timeout 4 s ago, 17 times/,
    );
    assert.match(
      text,
      /custom_kafka_producer cannot work.*security\.certificate: it is not a PEM certificate/,
    );
  });

  it('with trouble comes first', () => {
    const text = textOf(render(troubledStatus()));
    const places = ['cannot work', 'payments.requests', 'invoices.requests', 'orders.requests'].map((name) =>
      text.indexOf(name),
    );
    assert.deepEqual(
      places,
      [...places].sort((one, other) => one - other),
    );
  });

  it('is calm again a minute after the last failure', () => {
    const text = textOf(render(status({}, [configuration({ failed_in_last_minute: 0 }, 'reply_timeout')])));
    assert.match(text, /orders.replies ready .*Last error reply_timeout/);
    assert.doesNotMatch(text, /nobody answers them/);
  });

  it('does not blame the service where no reply can be seen', () => {
    const down = { state: 'down', reason: 'all broker connections are down', brokers: [] };
    const unread = { state: 'up', brokers: [{ name: 'a:1/1', state: 'DOWN' }] };
    for (const reader of [down, unread]) {
      const clusters = [{ bootstrap_servers: ['kafka-1.internal:9092'], producer: { state: 'up' }, reader }];
      const configurations = [configuration({}, 'reply_timeout')];
      const text = textOf(render(status({ plugins: { p: { process: { configurations, clusters } } } })));
      assert.match(text, /The reader of replies reaches no broker/);
      assert.doesNotMatch(text, /nobody answers/);
    }
  });

  it('says that the limit of waiting requests is reached', () => {
    assert.match(
      textOf(render(status({}, [configuration({ in_flight: 5, max_in_flight: 5 })]))),
      /5 in flight \(limit\)/,
    );
  });
});

it('the page has no script, loads nothing, and leads nowhere else', () => {
  const page = render(troubledStatus());
  assert.doesNotMatch(page, /<script|<img|<iframe|<form|javascript:|https?:/i);
});

it('a thousand configurations are a page that can still be read', () => {
  const many = Array.from({ length: 1000 }, (_, number) =>
    configuration({ topic: `t${number}` }, number === 999 ? 'reply_timeout' : undefined),
  );
  const page = render(status({}, many));
  assert.match(page, /t999/);
  assert.match(page, /And 900 more/);
  assert.ok(page.length < 300_000, `${page.length} characters`);
});

it('whatever /status says is shown as text or not at all', () => {
  const hostile = '<b onclick="x">';
  const everywhere = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(everywhere)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, everywhere(member)]))
        : hostile;
  assert.doesNotMatch(render(everywhere(troubledStatus()) as object), /<b onclick/);
  for (const odd of [
    null,
    7,
    [],
    { plugins: [] },
    { plugins: { p: null } },
    { plugins: { p: { process: { configurations: [null, 1] } } } },
  ]) {
    assert.match(render(odd as object), /<h1>/);
  }
});

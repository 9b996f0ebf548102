/** The schema of a subject over time, with a registry that answers when the test says so. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RegisteredSchema } from '../../../bridge/schema-registry/registered-schema';
import { RegistryError } from '../../../bridge/schema-registry/registry-error';
import { SchemaRegistry } from '../../../bridge/schema-registry/schema-registry';
import { Subject, type SubjectOptions } from '../../../bridge/schema-registry/subject';
import { setLogSink } from '../../../bridge/telemetry/log';
import { StubRegistry } from '../../../dev/registry/stub-registry';
import { FakeClock } from '../../support/fake-clock';

setLogSink(() => undefined);

const schema = (id: number, text = '"int"'): RegisteredSchema => ({
  id,
  type: 'AVRO',
  text,
  references: [],
  bytes: text.length,
});
const ONE = { text: '1', value: 1 };

function subject(options: Partial<SubjectOptions> = {}) {
  const clock = new FakeClock();
  const asked: string[] = [];
  let answer: () => Promise<RegisteredSchema> = () => Promise.resolve(schema(1));
  const client = {
    bySubject: (name: string, version: string) => {
      asked.push(`${name} ${version}`);
      return answer();
    },
  };
  const answersWith = (next: () => Promise<RegisteredSchema>) => void (answer = next);
  let closed = 0;
  const start = () =>
    new Subject(
      client,
      clock,
      {
        name: 's',
        version: 'latest',
        encoding: 'avro_json',
        messageName: undefined,
        ttlMs: 1000,
        ...options,
      },
      () => closed++,
    );
  return { clock, asked, answersWith, start, closed: () => closed };
}

const idOf = (bytes: Buffer) => bytes.readInt32BE(1);

describe('the schema of a subject', () => {
  it('is asked for at once, and framed with its id', async () => {
    const { asked, start } = subject();
    const made = start();
    assert.equal(made.ready, false);
    await made.settled();
    assert.deepEqual([made.ready, made.type, asked], [true, 'AVRO', ['s latest']]);
    assert.deepEqual(made.encode(ONE), Buffer.from('000000000102', 'hex'));
  });

  it('is looked up anew when it is old, and the one before serves meanwhile', async () => {
    const { asked, answersWith, clock, start } = subject();
    const made = start();
    await made.settled();
    clock.advance(999);
    made.encode(ONE);
    assert.equal(asked.length, 1);
    clock.advance(1);
    answersWith(() => Promise.resolve(schema(2)));
    assert.equal(idOf(made.encode(ONE)), 1);
    assert.equal(idOf(made.encode(ONE)), 1);
    assert.equal(asked.length, 2);
    await made.settled();
    assert.equal(idOf(made.encode(ONE)), 2);
  });

  it('is looked up once where its version is a number', async () => {
    const { asked, clock, start } = subject({ version: '3' });
    const made = start();
    await made.settled();
    clock.advance(1e9);
    made.encode(ONE);
    assert.deepEqual(asked, ['s 3']);
  });

  it('stays what it was when a newer one cannot be had, or cannot be used', async () => {
    const { answersWith, clock, start } = subject();
    const made = start();
    await made.settled();
    for (const next of [
      () => Promise.reject(new RegistryError('unavailable', 'away')),
      () => Promise.resolve(schema(2, '"Nowhere"')),
    ]) {
      answersWith(next);
      clock.advance(1000);
      made.encode(ONE);
      await made.settled();
      assert.equal(idOf(made.encode(ONE)), 1);
      assert.ok(made.reason);
    }
  });

  it('is asked for again and again while there is none, ever more slowly, until it is closed', async () => {
    const { asked, answersWith, clock, start, closed } = subject();
    answersWith(() => Promise.reject(new RegistryError('refused', 'no such subject')));
    const made = start();
    await made.settled();
    assert.deepEqual([made.ready, made.isRefused, made.reason], [false, true, 'no such subject']);
    for (const pauseMs of [500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
      const before = asked.length;
      clock.advance(pauseMs - 1);
      assert.equal(asked.length, before);
      clock.advance(1);
      assert.equal(asked.length, before + 1);
      await made.settled();
    }
    made.close();
    assert.equal(closed(), 1);
    assert.equal(clock.pendingTimers, 0);
  });
});

describe('a schema registry', () => {
  it('keeps codecs within a bound, those that were used last', async () => {
    const stub = await StubRegistry.start();
    const tls = {
      verify: true,
      caPem: undefined,
      certificatePem: undefined,
      keyPem: undefined,
      keyPassword: undefined,
    };
    const registry = new SchemaRegistry(
      { urls: [new URL(stub.url)], tls, authentication: { mode: 'none' }, headers: {}, timeoutMs: 5000 },
      new FakeClock(),
    );
    try {
      // Seventeen of a megabyte each: one too many.
      const text = (id: number) => `{"type":"int","doc":"${String(id).padEnd(1_048_550, 'x')}"}`;
      for (let id = 1; id <= 17; id++) {
        stub.add(id, { schema: text(id) });
        await registry.load(id, 'avro_json');
        registry.codec(1, 'avro_json');
      }
      assert.ok(registry.codec(1, 'avro_json'), 'it was used all the time');
      assert.equal(registry.codec(2, 'avro_json'), undefined);
      assert.ok(registry.codec(17, 'avro_json'));
      assert.equal(registry.status().schemas, 16);
    } finally {
      registry.end();
      await stub.stop();
    }
  });
});

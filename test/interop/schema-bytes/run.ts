/**
 * The bytes of schemas, beside those of another implementation: confluent-kafka of Python and the gateway write the same
 * order with the same schema of a real registry, and read each other's. Part of `make interop`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { closeSchemas, replySchemas, requestSchemas } from '../../../bridge/schemas';
import { runTool } from '../../../dev/run-tool';
import { repositoryRoot } from '../../../dev/kafka/paths';
import { Apicurio, type SchemaInRegistry } from '../../../dev/registry/apicurio';
import { receivedRecord } from '../../support/records';

const PACKAGES = ['confluent-kafka[avro,json,protobuf]==2.12.2', 'grpcio-tools==1.76.0'];
const TYPES = ['avro', 'json', 'protobuf'] as const;
type Type = (typeof TYPES)[number];

const ORDER = { item: 'Büchse', count: 3, tags: ['a', 'b'] };
const PROTO = `syntax = "proto3"; package shop; message Other {} message Order { string item = 1; int32 count = 2; repeated string tags = 3; }`;
const SCHEMAS: Readonly<Record<Type, SchemaInRegistry>> = {
  avro: {
    schema:
      '{"type":"record","name":"Order","fields":[{"name":"item","type":"string"},{"name":"count","type":"int"},{"name":"tags","type":{"type":"array","items":"string"}}]}',
  },
  json: {
    schemaType: 'JSON',
    schema:
      '{"$schema":"http://json-schema.org/draft-07/schema#","title":"Order","type":"object","properties":{"item":{"type":"string"},"count":{"type":"integer"},"tags":{"type":"array","items":{"type":"string"}}}}',
  },
  protobuf: { schemaType: 'PROTOBUF', schema: PROTO },
};

interface Theirs {
  readonly bytes: string;
  readonly read: unknown;
}

async function main(): Promise<void> {
  const registry = await Apicurio.start();
  try {
    for (const type of TYPES) await registry.register(`bytes-${type}-value`, SCHEMAS[type]);
    const options = {
      urls: [new URL(registry.url)],
      tls: {
        verify: true,
        caPem: undefined,
        certificatePem: undefined,
        keyPem: undefined,
        keyPassword: undefined,
      },
      authentication: { mode: 'none' },
      headers: {},
      timeoutMs: 10_000,
    } as const;
    const text = JSON.stringify(ORDER);
    const ours = {} as Record<Type, Buffer>;
    for (const type of TYPES) {
      const writing = requestSchemas({
        registry: options,
        topics: [type],
        value: {
          subjectOf: () => `bytes-${type}-value`,
          version: 'latest',
          messageName: type === 'protobuf' ? 'shop.Order' : undefined,
          encoding: 'avro_json',
        },
        key: undefined,
        ttlMs: 300_000,
      });
      await writing?.whenReady();
      const written = writing?.value(type, { text, value: ORDER });
      assert.ok(written);
      ours[type] = written.bytes;
    }
    const theirs = await python({
      url: registry.url,
      order: ORDER,
      proto: PROTO,
      bytes: Object.fromEntries(TYPES.map((type) => [type, ours[type].toString('hex')])),
    });
    const reading = replySchemas({ registry: options, valueEncoding: 'avro_json', keyEncoding: 'avro_json', onInvalid: 'error', maxReplyBytes: 1_048_576 }); // prettier-ignore
    for (const type of TYPES) {
      const { bytes, read } = theirs[type];
      // Both are JSON, and Python writes a blank behind commas and colons.
      if (type !== 'json') assert.equal(bytes, ours[type].toString('hex'), `the bytes of ${type}`);
      assert.deepEqual(read, ORDER, `${type}: what confluent-kafka reads of ours`);
      const decoded = await reading?.decoded(receivedRecord({ value: Buffer.from(bytes, 'hex') }));
      assert.deepEqual(JSON.parse(String(decoded?.value)), ORDER, `${type}: what we read of theirs`);
      process.stdout.write(
        `${type.padEnd(10)}${bytes.length / 2} bytes, written and read alike by confluent-kafka\n`,
      );
    }
  } finally {
    closeSchemas();
    await registry.stop();
  }
}

async function python(input: object): Promise<Record<Type, Theirs>> {
  const lib = join(repositoryRoot(), '.cache', 'interop', 'schema-bytes');
  if (!existsSync(lib)) {
    await runTool(
      'python3',
      ['-m', 'pip', 'install', '--quiet', '--target', lib, ...PACKAGES],
      'Cannot run python3.',
    );
  }
  const script = join(repositoryRoot(), 'test', 'interop', 'schema-bytes', 'compare.py');
  const child = spawn('python3', [script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, PYTHONPATH: lib },
  });
  child.stdin.end(JSON.stringify(input));
  let output = '';
  for await (const chunk of child.stdout) output += String(chunk);
  return JSON.parse(output) as Record<Type, Theirs>;
}

main().catch((error: unknown) => {
  process.stderr.write(`schema bytes: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

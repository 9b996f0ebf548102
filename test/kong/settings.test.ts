/** The dumps and settings that are shipped for Kong, against what was seen to go wrong in a real one. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const FOLDER = join(__dirname, '..', '..', '..', 'kong');
const DUMPS = ['custom_kafka_producer.json', 'custom_kafka_consumer.json'];
const SETTINGS = ['kong-external.env', 'kong-managed.env'];

interface Dump {
  readonly Protocol: string;
  readonly Plugins: { readonly Name: string; readonly Phases: string[]; readonly Schema: object }[];
}

const dump = (file: string): Dump => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Dump;

function settings(file: string): Map<string, string> {
  const lines = readFileSync(join(FOLDER, file), 'utf8').split('\n');
  const pairs = lines.map((line) => /^(KONG_\w+)=(.*)$/.exec(line)).filter((match) => match !== null);
  return new Map(pairs.map(([, name, value]) => [name!, value!]));
}

function descriptionsIn(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([name, member]) =>
    name === 'description' && typeof member === 'string' ? [member] : descriptionsIn(member),
  );
}

describe('the dumps', () => {
  for (const file of DUMPS) {
    // Without a protocol, or with a typo in it, Kong falls back to MsgPack:1, which lets requests pass when the server
    // fails. Of several plugins it takes the first.
    it(`${file} names ProtoBuf:1 and one plugin`, () => {
      const { Protocol, Plugins } = dump(file);
      assert.equal(Protocol, 'ProtoBuf:1');
      assert.deepEqual(
        Plugins.map(({ Name }) => `${Name}.json`),
        [file],
      );
    });

    // With a log phase, requests in flight at a change of configuration made Kong start the old instance again and close
    // the new one, in turns; and every request cost a second connection.
    it(`${file} has the access phase and no other`, () => {
      assert.deepEqual(dump(file).Plugins[0]?.Phases, ['access']);
    });

    // Kong does not start with a shorter or longer one.
    it(`${file} describes every field in 10 to 500 characters`, () => {
      const descriptions = descriptionsIn(dump(file).Plugins[0]?.Schema);
      assert.ok(descriptions.length > 10);
      for (const text of descriptions) assert.ok(text.length >= 10 && text.length <= 500, text);
    });
  }
});

describe('the settings', () => {
  for (const file of SETTINGS) {
    // On one socket path the client of one plugin got the answer of the other: body, request id and status 200.
    it(`${file} has a socket of its own for each plugin`, () => {
      const names = [...settings(file)].filter(([name]) => name.endsWith('_SOCKET'));
      assert.equal(names.length, 2);
      assert.equal(new Set(names.map(([, path]) => path)).size, 2);
    });

    // Nothing tells a server that a client has left, and its slot is held until the timeout.
    it(`${file} has Kong look out for clients that leave`, () => {
      assert.equal(settings(file).get('KONG_NGINX_PROXY_LUA_CHECK_CLIENT_ABORT'), 'on');
    });
  }

  // A managed server makes `GET /` of the Admin API a 500 in Kong 3.9.
  it('kong-external.env has nothing for Kong to start', () => {
    assert.ok([...settings('kong-external.env').keys()].every((name) => !name.endsWith('_START_CMD')));
  });
});

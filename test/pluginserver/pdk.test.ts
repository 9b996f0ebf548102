import assert from 'node:assert/strict';
import { it } from 'node:test';
import { camelCase, createKong, type PdkMethod } from '../../pluginserver/pdk';
import { KONG_METHODS } from './support/kong-methods';

const OF_THE_PROTOCOL = KONG_METHODS.map(({ name }) => name);

it('every method can be called by its camel case name', () => {
  const calls: [string, readonly unknown[]][] = [];
  const kong = createKong({
    signal: new AbortController().signal,
    onOver: () => undefined,
    call: (method: PdkMethod, args) => {
      calls.push([method.wireName, args]);
      return Promise.resolve();
    },
  });
  for (const wireName of OF_THE_PROTOCOL) {
    const [, ...path] = wireName.split('.').map(camelCase);
    const method = path.reduce<unknown>((level, name) => (level as Record<string, unknown>)[name], kong);
    void (method as (...args: unknown[]) => Promise<unknown>)(1, 'two');
  }
  assert.deepEqual(
    calls,
    OF_THE_PROTOCOL.map((wireName) => [wireName, [1, 'two']]),
  );
  assert.equal(camelCase('get_tls1_version_str'), 'getTls1VersionStr');
});

it('what the protocol does not have is undefined, then included', () => {
  const kong = createKong({
    signal: new AbortController().signal,
    onOver: () => undefined,
    call: () => Promise.resolve(),
  }) as Record<string, Record<string, unknown>>;
  for (const level of [kong, kong.request, kong.service?.request, kong.ctx?.shared]) {
    assert.equal((level as Record<string, unknown>).then, undefined);
  }
  assert.equal(kong.vault, undefined);
  assert.equal(kong.response?.error, undefined);
});

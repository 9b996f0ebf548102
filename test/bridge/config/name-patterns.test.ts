import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyName } from '../../../bridge/config/name-patterns';
import { NEVER_FORWARDED, isNeverForwarded } from '../../../bridge/reply/forwarded-headers';
import { NEVER_RENAMED, isForbidden } from '../../../bridge/request/reserved-headers';
import { luaPattern } from '../../../dev/gateway/lua-pattern';

/** Both kinds of pattern, which must never differ. */
function fits({ lua, regex }: ReturnType<typeof anyName>, name: string): boolean {
  const inLua = [lua].flat().some((pattern) => luaPattern(pattern).test(name));
  assert.equal(inLua, new RegExp(regex).test(name), name);
  return inLua;
}

const SPELLINGS = [
  (name: string) => name,
  (name: string) => name.toUpperCase(),
  (name: string) => name.replaceAll('-', '_'),
];

test('names are found in every spelling that proxies take for the same, and no others are', () => {
  const pattern = anyName(['content-type', 'ttl'], ['x-kong-', ':', 'zilla:'], 'be one of these');
  for (const name of ['content-type', 'Content_Type', 'TTL', 'x_kong-y', 'X-Kong-', ':status', 'zilla:a']) {
    assert.ok(fits(pattern, name), name);
  }
  for (const name of [
    'content',
    'content-type2',
    'xttl',
    'ttlx',
    'x-kongo',
    'a:b',
    'content.type',
    'zilla-a',
  ]) {
    assert.ok(!fits(pattern, name), name);
  }
});

test('the patterns of the schema and the checks of the gateway mean the same headers', () => {
  const forwarded = anyName(NEVER_FORWARDED.names, NEVER_FORWARDED.beginnings, '');
  const renamed = anyName(NEVER_RENAMED.names, NEVER_RENAMED.beginnings, '');
  const names = [...NEVER_FORWARDED.names, ...NEVER_RENAMED.names, 'tenant', 'x-a', 'my header', 'status-2'];
  const beginnings = [...NEVER_FORWARDED.beginnings, ...NEVER_RENAMED.beginnings].map((start) => `${start}x`);
  for (const name of [...names, ...beginnings]) {
    for (const spelled of SPELLINGS.map((spell) => spell(name))) {
      assert.equal(fits(forwarded, spelled), isNeverForwarded(spelled), spelled);
      if (isForbidden(spelled)) assert.ok(fits(renamed, spelled), spelled);
    }
  }
  for (const name of ['correlation_id', 'reply-to', 'zilla:reply-to', 'idempotency_key', 'ttl', 'ce_id']) {
    assert.ok(fits(renamed, name), name);
  }
  for (const name of ['tenant', 'X-Tenant', 'my header']) assert.ok(!fits(renamed, name), name);
});

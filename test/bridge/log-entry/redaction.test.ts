/** A secret that a client sends shall be nowhere in the record, in whichever of its places Kong writes it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordShape } from '../../../bridge/log-entry/record-shape';
import { REDACTED_BY_DEFAULT } from '../../../bridge/log-entry/redaction';
import { entryBytes, UNTOUCHED, type EntryParts } from '../../support/log-entries';

const SECRET = 'planted-secret';

function written(parts: EntryParts, redact: readonly string[] = REDACTED_BY_DEFAULT): string {
  const record = recordShape({ ...UNTOUCHED, redact }).ofBytes(entryBytes(parts));
  assert.ok(typeof record === 'object');
  return record.value!.toString();
}

const PLANTED: Record<string, EntryParts> = {
  'a request header': { requestHeaders: { authorization: SECRET, cookie: SECRET, 'X-API-Key': SECRET } },
  'a header with an underscore': { requestHeaders: { api_key: SECRET } },
  'a header that came twice': { requestHeaders: { apikey: [SECRET, SECRET] } },
  'a cookie of the answer': { responseHeaders: { 'set-cookie': [`sid=${SECRET}`] } },
  'an argument': {
    querystring: { apikey: SECRET, token: [SECRET] },
    uri: `/a?apikey=${SECRET}&token=${SECRET}`,
  },
  'an argument in other letters': { querystring: { 'API-Key': SECRET }, uri: `/a?x=1&API-Key=${SECRET}` },
  'an argument whose name is escaped': { querystring: { api_key: SECRET }, uri: `/a?api%5Fkey=${SECRET}` },
  'an argument behind a semicolon': { uri: `/a?x=1;token=${SECRET}` },
  'an argument with an equals sign in it': { uri: `/a?token=a=${SECRET}&b=1` },
  'an argument with marks in it that separate others': {
    uri: `/a?token=a?b=${SECRET};c=${SECRET}&b=1`,
    requestHeaders: { referer: `https://shop/?next=/b?token=a;${SECRET}#top` },
  },
  'the page a client came from': { requestHeaders: { referer: `https://shop/?access_token=${SECRET}&x=1` } },
  // As browsers and OAuth clients write them. Only those that nobody had escaped were found.
  'an address in an argument': {
    querystring: { next: `https://shop/b?x=1&token=${SECRET}`, page: ['1', `/c#access_token=${SECRET}`] },
    uri: `/a?next=https%3A%2F%2Fshop%2Fb%3Fx%3D1%26token%3D${SECRET}&page=1`,
  },
  'an address in an argument of the page a client came from': {
    requestHeaders: { referer: `https://shop/login?next=%2Fb%3fapi%5Fkey%3d${SECRET}#top` },
  },
  'an address in an address in an argument': {
    uri: `/a?next=%2Fb%3Fnext%3D%252Fc%253Ftoken%253D${SECRET}`,
  },
  'the fragment of a redirect': { responseHeaders: { location: `https://shop/#access_token=${SECRET}` } },
};

for (const [where, parts] of Object.entries(PLANTED)) {
  test(`redacted: ${where}`, () => {
    const text = written(parts);
    assert.doesNotMatch(text, /planted/);
    assert.match(text, /\*\*\*/);
  });
}

test('everything else stays as it is', () => {
  const parts = {
    uri: '/a?tokens=5&x=token&y=%20b&token&z=%2fb%3fpage%3d2%26c=%3d',
    querystring: { tokens: '5', x: 'token', z: '/b?page=2&c==' },
    requestHeaders: { 'x-token-kind': 'jwt', accept: 'a?b', referer: 'https://shop/?page=2#top' },
  };
  assert.equal(written(parts), entryBytes(parts).toString());
});

test('what stands around a secret stays, also within an argument', () => {
  const text = written({ uri: `/a?b=1&next=%2Fb%3Ftoken%3D${SECRET}%26c%3D2&d=3` });
  assert.match(text, /\/a\?b=1&next=%2Fb%3Ftoken%3D\*\*\*%26c%3D2&d=3/);
});

test('an empty list keeps all', () => {
  assert.match(written({ requestHeaders: { cookie: SECRET } }, []), /planted/);
});

test('a secret does not come back through a template, a key or a topic', () => {
  const record = recordShape({
    ...UNTOUCHED,
    redact: REDACTED_BY_DEFAULT,
    customFields: { copy: '$(/request/headers/cookie)', whole: '$(/request)' },
    keyPointer: '/request/headers/cookie',
    topicTemplate: 'logs.$(/request/headers/cookie)',
    allowedTopics: [`logs.${SECRET}`],
  }).ofBytes(entryBytes({ requestHeaders: { cookie: SECRET } }));
  assert.doesNotMatch(JSON.stringify(record), /planted/);
  assert.ok(typeof record === 'object' && !record.value!.includes(SECRET));
});

test('members of other types than Kong writes hide nothing', () => {
  const parts = {
    more: { upstream_uri: [`/a?token=${SECRET}`] },
    requestHeaders: { referer: [`/?token=${SECRET}`] },
  };
  assert.doesNotMatch(written(parts), /planted/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstArg, parseUrlArgs, urlArgsJson } from '../../../bridge/request/url-args';

const json = (raw: string) => urlArgsJson(parseUrlArgs(raw));

test('arguments are decoded; several of one name are a list, and one without a value is true', () => {
  assert.equal(json('a=1&b=x+y%20z&c&d=&a=2&a'), '{"a":["1","2",true],"b":"x y z","c":true,"d":""}');
  assert.equal(json(''), '{}');
  assert.equal(json('&&'), '{}');
});

test('a value may hold the signs that part arguments', () => {
  assert.equal(json('q=a=b%26c%3Dd'), '{"q":"a=b&c=d"}');
});

test('UTF-8 is read escaped and as bytes, and what is neither stays readable', () => {
  assert.equal(json('n=J%C3%B6rg'), '{"n":"Jörg"}');
  assert.equal(json('n=J\xc3\xb6rg'), '{"n":"Jörg"}');
  assert.equal(json('n=50%&m=%zz&o=%4'), '{"n":"50%","m":"%zz","o":"%4"}');
  assert.equal(json('n=%ff'), '{"n":"\ufffd"}');
});

test('names of the prototype are names like others', () => {
  assert.equal(json('__proto__=1&constructor=2'), '{"__proto__":"1","constructor":"2"}');
});

test('the first of several counts, and without a value it is empty', () => {
  const args = parseUrlArgs('a=1&a=2&b');
  assert.equal(firstArg(args, 'a'), '1');
  assert.equal(firstArg(args, 'b'), '');
  assert.equal(firstArg(args, 'c'), undefined);
});

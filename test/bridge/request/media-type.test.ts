import assert from 'node:assert/strict';
import { test } from 'node:test';
import { essenceOf, inUtf8, isJson, isText, parameterOf } from '../../../bridge/request/media-type';

test('the essence is without parameters, blanks and capitals', () => {
  assert.equal(essenceOf('Text/Plain ; charset=utf-8'), 'text/plain');
  assert.equal(essenceOf(undefined), '');
});

test('parameters come with and without quotes', () => {
  assert.equal(parameterOf('a/b; Charset=UTF-8; x=1', 'charset'), 'UTF-8');
  assert.equal(parameterOf('form-data; filename="name=x; y"; name="a \\"b\\""', 'name'), 'a "b"');
  assert.equal(parameterOf('a/b', 'charset'), undefined);
});

test('JSON and text are known by their names', () => {
  for (const type of ['application/json', 'text/json', 'application/vnd.api+json']) assert.ok(isJson(type));
  for (const type of ['application/jsonp', 'json', '']) assert.ok(!isJson(type));
  for (const type of ['text/csv', 'application/xml', 'application/atom+xml']) assert.ok(isText(type));
  for (const type of ['image/png', '']) assert.ok(!isText(type));
});

test('a megabyte of anything is parsed at once', () => {
  const started = performance.now();
  for (const unit of [';a="', ';a= ', '; ', ';"\\', 'a=', ';a=b']) {
    parameterOf(unit.repeat(1_000_000 / unit.length), 'boundary');
  }
  assert.ok(performance.now() - started < 5000);
});

test('a content type says that its text is UTF-8 now, and all else that it said', () => {
  for (const [given, becomes] of [
    ['application/json; charset=utf-16', 'application/json; charset=utf-8'],
    ['text/csv;a="; charset=x";CHARSET="latin1" ;b=1', 'text/csv;a="; charset=x"; charset=utf-8 ;b=1'],
    ['application/json', 'application/json'],
  ] as const) {
    assert.equal(inUtf8(given), becomes);
  }
});

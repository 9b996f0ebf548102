import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMultipart } from '../../../bridge/request/multipart';

const TYPE = 'multipart/form-data; boundary=XX';
const part = (name: string, content: string, more = '') =>
  `--XX\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${content}\r\n`;

function parse(text: string | Buffer, type = TYPE) {
  const body = Buffer.from(text as string);
  return parseMultipart(body, type).map(({ name, content }) => [name, content.toString('latin1')]);
}

test('parts have a name and bytes', () => {
  const body = `${part('a', '1')}${part('file', 'x\r\ny', '; filename="f; name=z"')}${part('empty', '')}--XX--\r\n`;
  assert.deepEqual(parse(body), [
    ['a', '1'],
    ['file', 'x\r\ny'],
    ['empty', ''],
  ]);
});

test('what looks like the boundary but goes on is content', () => {
  assert.deepEqual(parse(`${part('a', 'x\r\n--XXY\r\n-\r\n--X')}--XX--`), [['a', 'x\r\n--XXY\r\n-\r\n--X']]);
});

test('preamble, epilogue and blanks behind a boundary are allowed', () => {
  const body = `hello\r\n--XX \t\r\ncontent-disposition: FORM-DATA; name=a\r\nContent-Type: text/plain\r\n\r\n1\r\n--XX--\r\nbye`;
  assert.deepEqual(parse(body, 'multipart/form-data; boundary="XX"'), [['a', '1']]);
  assert.deepEqual(parse('--XX--'), []);
});

test('a form made by fetch is read', async () => {
  const form = new FormData();
  form.append('name', 'Jörg');
  form.append('file', new Blob([Buffer.from([0, 255, 13, 10])]), 'a.bin');
  const response = new Response(form);
  const body = Buffer.from(await response.arrayBuffer());
  const parts = parseMultipart(body, response.headers.get('content-type')!);
  assert.deepEqual(
    parts.map(({ name, content }) => [name, content]),
    [
      ['name', Buffer.from('Jörg')],
      ['file', Buffer.from([0, 255, 13, 10])],
    ],
  );
});

for (const [what, body, type] of [
  ['no boundary in the content type', '--XX--', 'multipart/form-data'],
  ['an impossible boundary', '--XX--', `multipart/form-data; boundary="${'x'.repeat(71)}"`],
  ['no boundary in the body', 'text', TYPE],
  ['no end', part('a', '1'), TYPE],
  ['a part without a name', '--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--', TYPE],
  ['a part without headers', '--XX\r\n\r\n1\r\n--XX--', TYPE],
  ['headers without end', `--XX\r\nA: ${'b'.repeat(9000)}\r\n\r\n1\r\n--XX--`, TYPE],
  ['a thousand and one parts', `${part('a', '').repeat(1001)}--XX--`, TYPE],
] as const) {
  test(`refused: ${what}`, () => {
    assert.throws(() => parse(body, type), { code: 'request_invalid' });
  });
}

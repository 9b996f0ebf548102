/** Bodies of forms: multipart, with its content type in the first line, and url-encoded arguments. */
import assert from 'node:assert/strict';
import { GatewayError } from '../../../bridge/errors';
import { parseMultipart, type FormPart } from '../../../bridge/request/multipart';
import { parseUrlArgs, urlArgsJson, type UrlArg } from '../../../bridge/request/url-args';
import { unlessRefused, type FuzzTarget } from '../target';

const TYPE = 'multipart/form-data; boundary=XX\n';
const part = (name: string, content: string): string =>
  `--XX\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`;
const isRefusal = (error: unknown): boolean =>
  error instanceof GatewayError && error.code === 'request_invalid';

/** A boundary that is in none of the contents. */
const BOUNDARY = 'b0undary-0f-the-fuzzer';

function written(parts: readonly FormPart[]): Buffer {
  return Buffer.concat([
    ...parts.flatMap(({ content }, index) => [
      Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${index}"\r\n\r\n`),
      content,
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${BOUNDARY}--`),
  ]);
}

export const MULTIPART: FuzzTarget = {
  name: 'multipart',
  samples: [
    `${TYPE}${part('a', '1')}${part('b', 'x\r\ny')}--XX--\r\n`,
    `${TYPE}preamble\r\n${part('a', '')}--XX--epilogue`,
    `multipart/form-data; charset=x; boundary="X X"\n--X X \t\r\ncontent-disposition: FORM-DATA; name=a\r\n\r\n1\r\n--X X--`,
    `${TYPE}--XX--`,
  ].map((text) => Buffer.from(text)),
  tokens: [
    '--XX',
    '--XX--',
    '\r\n',
    '\r\n\r\n',
    '--',
    'name=',
    '"',
    '\\',
    ';',
    'boundary=',
    'form-data',
    ' \t',
  ],
  run: (input) => {
    const lineEnd = Math.max(0, input.indexOf('\n'));
    const body = input.subarray(lineEnd + 1);
    const parts = unlessRefused(() => parseMultipart(body, input.toString('latin1', 0, lineEnd)), isRefusal);
    if (parts === undefined) return;
    assert.ok(
      parts.reduce((sum, { content }) => sum + content.length, 0) <= body.length,
      'parts lie in the body',
    );
    if (parts.some(({ content }) => content.includes(BOUNDARY))) return;
    assert.deepEqual(
      parseMultipart(written(parts), `multipart/form-data; boundary=${BOUNDARY}`).map(
        ({ content }) => content,
      ),
      parts.map(({ content }) => content),
    );
  },
};

const pair = (name: string, value: UrlArg): string =>
  value === true ? encodeURIComponent(name) : `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;

export const URL_ARGS: FuzzTarget = {
  name: 'url-args',
  samples: [
    'a=1&b=2&a=3',
    'flag&x=%20+%C3%A9&%ff=%',
    '=v&&__proto__=1&toString',
    'a=caf\xe9&b=\xc3\xa9',
    '',
  ].map((text) => Buffer.from(text, 'latin1')),
  tokens: ['&', '=', '%', '+', '%f', '%FF', '%00', '%E2%82%AC', '%C3', '__proto__', 'a=', '\xed\xa0\x80'],
  run: (input) => {
    const args = parseUrlArgs(input.toString('latin1'));
    const pairs = [...args].flatMap(([name, values]) =>
      (Array.isArray(values) ? (values as UrlArg[]) : [values as UrlArg]).map((value) => pair(name, value)),
    );
    // An argument that is nothing but an empty name is no argument.
    assert.deepStrictEqual(parseUrlArgs(pairs.join('&')), args, 'arguments written and read again');
    assert.deepEqual(Object.keys(JSON.parse(urlArgsJson(args)) as object).sort(), [...args.keys()].sort());
  },
};

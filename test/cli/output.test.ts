import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { Output } from '../../cli/output';

const ESCAPE = String.fromCharCode(27);

function outputOn(isTTY: boolean, env: Record<string, string>, isJson = false) {
  const printed = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof printed) => ({
    write: (text: string | Uint8Array) => void (printed[name] += String(text)),
    isTTY,
  });
  const output = new Output(
    {
      stdout: sink('stdout'),
      stderr: sink('stderr'),
      stdin: Readable.from([]),
      env,
      interrupted: new AbortController().signal,
    },
    isJson,
  );
  return { output, printed };
}

const CASES: [isTTY: boolean, env: Record<string, string>, isJson: boolean, coloured: boolean][] = [
  [true, {}, false, true],
  [true, { NO_COLOR: '' }, false, true],
  [true, { NO_COLOR: '1' }, false, false],
  [true, { TERM: 'dumb' }, false, false],
  [false, {}, false, false],
  [true, {}, true, false],
];
for (const [isTTY, env, isJson, coloured] of CASES)
  test(`colours ${coloured ? 'on' : 'off'}: terminal ${isTTY}, ${JSON.stringify(env)}, json ${isJson}`, () => {
    assert.equal(outputOn(isTTY, env, isJson).output.styled('red', 'x').includes(ESCAPE), coloured);
  });

test('with --json stdout holds JSON and nothing else; progress is on stderr', () => {
  const { output, printed } = outputOn(false, {}, true);
  output.line('for people');
  output.progress('asking ...');
  output.document({ a: 1 });
  assert.deepEqual(JSON.parse(printed.stdout), { a: 1 });
  assert.equal(printed.stderr, 'asking ...\n');
});

test('events are a line each', () => {
  const { output, printed } = outputOn(false, {}, true);
  output.event({ a: 1 });
  output.event({ b: 'line\nbreak' });
  assert.deepEqual(
    printed.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as unknown),
    [{ a: 1 }, { b: 'line\nbreak' }],
  );
});

test('without --json there is no JSON', () => {
  const { output, printed } = outputOn(false, {});
  output.document({ a: 1 });
  output.event({ a: 1 });
  output.line('for people');
  assert.equal(printed.stdout, 'for people\n');
});

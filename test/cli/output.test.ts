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

test('JSON holds no character that a terminal obeys, and the same text', () => {
  const { output, printed } = outputOn(true, {}, true);
  const hostile = 'a\u001b[2J\u009b2J\u007f\u202e\u2066 \ud800 世界 🎉';
  output.event({ [hostile]: hostile });
  output.document({ [hostile]: hostile });
  assert.doesNotMatch(printed.stdout, /[\u001b\u007f-\u009f\u202e\u2066]/);
  assert.deepEqual(JSON.parse(printed.stdout.split('\n', 1)[0]!), { [hostile]: hostile });
});

test('what others have written is shown on a terminal without what would steer it, and piped as it is', () => {
  const text = '{\n\t"a": "\u001b]52;c;bHM=\u0007\u009b2J"\n}';
  const terminal = outputOn(true, {});
  terminal.output.foreign(Buffer.from(text));
  assert.equal(terminal.printed.stdout, '{\n\t"a": "\\u{1b}]52;c;bHM=\\u{7}\\u{9b}2J"\n}');
  const pipe = outputOn(false, {});
  pipe.output.foreign(Buffer.from(text));
  assert.equal(pipe.printed.stdout, text);
});

test('without --json there is no JSON', () => {
  const { output, printed } = outputOn(false, {});
  output.document({ a: 1 });
  output.event({ a: 1 });
  output.line('for people');
  assert.equal(printed.stdout, 'for people\n');
});

/** Answers to every PDK method, and, where the input is a JSON list, whatever a handler may pass. */
import assert from 'node:assert/strict';
import { GatewayError } from '../../../bridge/errors';
import { toAnswer } from '../../../pluginserver/exit-arguments';
import { decodeRawBody, encodeExit } from '../../../pluginserver/messages';
import { PDK_METHODS, type PdkMethod } from '../../../pluginserver/pdk';
import { MalformedMessage } from '../../../pluginserver/wire';
import { encode, structMessage, valueMessage } from '../../pluginserver/support/kong-schema';
import { unlessRefused, type FuzzTarget } from '../target';

const UNLIMITED = { reserveBytes: () => undefined };
const METHODS = [...PDK_METHODS.values()];
const refused = (error: unknown): boolean =>
  error instanceof MalformedMessage || error instanceof GatewayError;

function isFile(input: Buffer): boolean {
  return unlessRefused(() => decodeRawBody(input), refused)?.kind === 'file';
}

function listIn(input: Buffer): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(input.toString('utf8'));
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function checkArguments({ wireName, encode: encodeWith }: PdkMethod, args: readonly unknown[]): void {
  const frame = unlessRefused(() => encodeWith(args), refused);
  if (frame !== undefined) assert.equal(frame.readUInt32LE(0), frame.length - 4, wireName);
}

export const PDK: FuzzTarget = {
  name: 'pdk',
  samples: [
    encode('Text', { v: 'caf\xe9' }),
    encode('Struct', structMessage({ a: 'b', several: ['1', null, 2, { c: 1 }], flag: true })),
    encode('Value', valueMessage({ deep: [1, 'b'] })),
    encode('Int', { v: -5 }),
    encode('RawBody', { error: 'no' }),
    Buffer.from('["x-name","value"]'),
    Buffer.from('[200,"body",{"x-a":["1",null,true],"__proto__":"p"}]'),
    Buffer.from('[{"a":null,"b":{"c":[[[]]]}},1e300,-1,null,"\\ud800"]'),
    Buffer.from('["host",65535]'),
  ],
  tokens: ['null', '[]', '{}', '"__proto__":', '1e400', '-1', '\\ud800', '"\xc3\xa9"', ','],
  shortCases: 40,
  run: (input) => {
    const file = isFile(input);
    for (const method of METHODS) {
      // A path would be opened: that is not what is looked for here.
      if (!(file && method.wireName === 'kong.request.get_raw_body'))
        unlessRefused(() => method.decode(input, [], UNLIMITED), refused);
    }
    const args = listIn(input);
    if (args === undefined) return;
    for (const method of METHODS) checkArguments(method, args);
    const { answer } = toAnswer(args[0], args[1], args[2], 'id');
    assert.ok(answer.status >= 200 && answer.status <= 599);
    const frame = Buffer.concat(encodeExit(Buffer.alloc(0), answer.status, answer.body, answer.headers));
    assert.equal(frame.readUInt32LE(0), frame.length - 4, 'exit');
  },
};

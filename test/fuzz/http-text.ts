/** `name: value` lines, an empty line, and a body: how cases say what belongs to a message. */
export interface HttpText {
  readonly headers: [name: string, value: string][];
  readonly body: Buffer;
}

export function httpText(input: Buffer): HttpText {
  const end = input.indexOf('\n\n');
  const head = input.toString('latin1', 0, end < 0 ? input.length : end);
  const headers = head.split('\n').map((line): [string, string] => {
    const colon = line.indexOf(': ');
    return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 2)];
  });
  return { headers, body: end < 0 ? Buffer.alloc(0) : input.subarray(end + 2) };
}

export function sample(headers: Record<string, string>, body: string): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return Buffer.concat([Buffer.from(lines.join('\n'), 'latin1'), Buffer.from(`\n\n${body}`)]);
}

/** Lua patterns as JavaScript regular expressions, for the `match` rules of schemas. */

const CLASSES: Record<string, string> = {
  a: 'A-Za-z',
  c: '\\x00-\\x1f\\x7f',
  d: '0-9',
  g: '\\x21-\\x7e',
  l: 'a-z',
  p: '!-\\/:-@\\[-`{-~',
  s: ' \\t-\\r',
  u: 'A-Z',
  w: 'A-Za-z0-9',
  x: 'A-Fa-f0-9',
};

/** Throws on what JavaScript cannot express: `%b`, `%f` and position captures. */
export function luaPattern(pattern: string): RegExp {
  let source = '';
  let at = 0;
  if (pattern.startsWith('^')) {
    source = '^';
    at = 1;
  }
  while (at < pattern.length) {
    const character = pattern[at]!;
    if (character === '$' && at === pattern.length - 1) return new RegExp(`${source}$`);
    if (character === '(' || character === ')') {
      if (pattern.startsWith('()', at)) throw unsupported(pattern, '()');
      source += character;
      at += 1;
      continue;
    }
    const [item, next] = singleCharacter(pattern, at);
    const repeat = pattern[next] ?? '';
    at = next;
    source += item;
    if ('*+?-'.includes(repeat) && repeat !== '') {
      source += repeat === '-' ? '*?' : repeat;
      at += 1;
    }
  }
  return new RegExp(source);
}

function singleCharacter(pattern: string, at: number): [source: string, next: number] {
  const character = pattern[at]!;
  if (character === '.') return ['[\\s\\S]', at + 1];
  if (character === '[') return characterSet(pattern, at);
  if (character === '%') {
    const escaped = pattern[at + 1];
    if (escaped === undefined) throw new Error(`malformed pattern (ends with '%'): ${pattern}`);
    if (escaped === 'b' || escaped === 'f') throw unsupported(pattern, `%${escaped}`);
    if (/[1-9]/.test(escaped)) return [`\\${escaped}`, at + 2];
    const ranges = CLASSES[escaped.toLowerCase()];
    if (!ranges) return [literal(escaped), at + 2];
    return [isNegated(escaped) ? `[^${ranges}]` : `[${ranges}]`, at + 2];
  }
  return [literal(character), at + 1];
}

function characterSet(pattern: string, start: number): [source: string, next: number] {
  let at = start + 1;
  let source = '[';
  if (pattern[at] === '^') {
    source += '^';
    at += 1;
  }
  // A `]` right at the beginning is a member of the set.
  for (let first = true; first || pattern[at] !== ']'; first = false) {
    const character = pattern[at];
    if (character === undefined) throw new Error(`malformed pattern (missing ']'): ${pattern}`);
    if (character === '%') {
      const escaped = pattern[at + 1] ?? '';
      const ranges = CLASSES[escaped.toLowerCase()];
      if (ranges && isNegated(escaped)) throw unsupported(pattern, `%${escaped} in a set`);
      source += ranges ?? literal(escaped);
      at += 2;
    } else {
      const isRange = character === '-' && !first && pattern[at + 1] !== ']';
      source += isRange ? '-' : literal(character);
      at += 1;
    }
  }
  return [`${source}]`, at + 1];
}

function isNegated(classLetter: string): boolean {
  return classLetter >= 'A' && classLetter <= 'Z';
}

function literal(character: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(character) ? `\\${character}` : character;
}

function unsupported(pattern: string, what: string): Error {
  return new Error(`this gateway cannot evaluate ${what} in the Lua pattern ${pattern}`);
}

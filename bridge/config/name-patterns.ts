/** Header names as proxies and frameworks compare them, in either letter case and with `_` for `-`, as text patterns. */
import type { TextPattern } from './fields';

/**
 * @param beginnings of names
 * @param meaning completes "must not …"
 */
export function anyName(names: Iterable<string>, beginnings: Iterable<string>, meaning: string): TextPattern {
  const whole = [...names];
  const starts = [...beginnings];
  return {
    lua: [
      ...whole.map((name) => `^${loosely(name, '%')}$`),
      ...starts.map((beginning) => `^${loosely(beginning, '%')}`),
    ],
    regex: `^(?:${[
      ...whole.map((name) => `${loosely(name, '\\')}$`),
      ...starts.map((beginning) => loosely(beginning, '\\')),
    ].join('|')})`,
    meaning,
  };
}

/** Neither kind of pattern has a flag for letter case here. */
function loosely(name: string, escape: string): string {
  return name.replace(/./g, (character) => {
    if (/[a-z]/i.test(character)) return `[${character.toLowerCase()}${character.toUpperCase()}]`;
    if (character === '-' || character === '_') return `[_${escape}-]`;
    return /[0-9:]/.test(character) ? character : `${escape}${character}`;
  });
}

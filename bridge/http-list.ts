/**
 * The items of a header that is a list, such as `a, b;c="x, y"`, trimmed and without empty ones. Separators inside
 * quotes do not count. Linear in the length, whatever a client sends.
 * @param separators each character of it ends an item
 */
export function listItems(text: string, separators: string): string[] {
  const items: string[] = [];
  let start = 0;
  let quoted = false;
  const add = (end: number) => {
    const item = text.slice(start, end).trim();
    if (item !== '') items.push(item);
    start = end + 1;
  };
  for (let index = 0; index < text.length; index++) {
    const character = text[index]!;
    if (quoted && character === '\\') index++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && separators.includes(character)) add(index);
  }
  add(text.length);
  return items;
}

/** `name = "value"` in its two halves: the name in lower case, the value without its quotes, "" when there is none. */
export function nameAndValue(item: string): [name: string, value: string] {
  const equals = item.indexOf('=');
  if (equals < 0) return [item.toLowerCase(), ''];
  return [item.slice(0, equals).trim().toLowerCase(), unquoted(item.slice(equals + 1).trim())];
}

function unquoted(value: string): string {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value;
  return value.slice(1, -1).replace(/\\(.)/g, '$1');
}

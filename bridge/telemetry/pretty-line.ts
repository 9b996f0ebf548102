/** A line of the log for people: time, level, message, and the facts behind it. */

const COLOURS: Readonly<Record<string, string>> = { debug: '90', info: '36', warn: '33', error: '31' };

/**
 * @param line of JSON, as it would have been written
 * @param colour for a terminal
 * @returns one line, and the stack of an error below it
 */
export function prettyLine(line: string, colour: boolean): string {
  const { time, level, event, message, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const paint = (code: string, text: string): string => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const shown: string[] = [];
  let stack = '';
  for (const [name, value] of Object.entries(facts)) {
    if (hasStack(value)) stack += `\n    ${oneLineEach(value.stack)}`;
    else shown.push(`${paint('90', `${name}=`)}${valueText(value)}`);
  }
  const clock = String(time).slice(11, 23);
  const name = String(level);
  const head = `${paint('90', clock)} ${paint(COLOURS[name] ?? '0', name.toUpperCase().padEnd(5))} ${String(message)}`;
  return `${[head, ...shown, paint('90', `(${String(event)})`)].join('  ')}${stack}\n`;
}

/** Quoted where a blank or a control character would make two facts of one, or two lines. */
function valueText(value: unknown): string {
  if (typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) && !value.includes('"')) return value;
  return JSON.stringify(value);
}

function hasStack(value: unknown): value is { stack: string } {
  return (
    typeof value === 'object' && value !== null && typeof (value as { stack?: unknown }).stack === 'string'
  );
}

/** The message of an error may hold what a peer has sent: terminals obey control characters. */
function oneLineEach(stack: string): string {
  return stack
    .split('\n')
    .map((text) => text.replace(/[^\x20-\x7e]/g, '?'))
    .join('\n    ');
}

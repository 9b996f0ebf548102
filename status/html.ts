/**
 * HTML that is escaped by construction: whatever is put into a template is text, unless it was made by a template.
 *
 *     html`<p>${reason}</p>`
 *
 * Values belong between tags or into quoted attributes, nowhere else.
 */
export type Part = string | number | Html | undefined | readonly Part[];

export class Html {
  /** @param text finished; only templates and constants of the page may make one */
  constructor(readonly text: string) {}
}

export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = strings[0] as string;
  for (const [index, part] of parts.entries()) text += textOf(part) + (strings[index + 1] as string);
  return new Html(text);
}

function textOf(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map(textOf).join('');
  return escaped(String(part));
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters, but for the ends of lines, and those that turn the direction of writing, would let a name pass for another. */
function escaped(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => ESCAPES[character] as string)
    .replace(/[^\P{C}\n]/gu, '\ufffd');
}

/** docs/troubleshooting.md as a page, for machines from which nothing else can be reached. It knows just what that needs. */
import { document } from './document';
import { html, type Html, type Part } from './html';

export function guidePage(markdown: string): string {
  const [title = ''] = /^# .*$/m.exec(markdown) ?? [];
  const blocks = markdown.split(/\n{2,}/).map(blockOf);
  return document(
    title.slice(2),
    html`<div class="guide">
      <p><a href="/">Status</a></p>
      ${blocks}
    </div>`,
  );
}

function blockOf(block: string): Html {
  const [, marks = '', heading = ''] = /^(#+) (.*)$/.exec(block) ?? [];
  if (marks === '#') return html`<h1>${heading.replaceAll('`', '')}</h1>`;
  if (marks !== '') return html`<h2 id="${anchorOf(heading)}">${heading.replaceAll('`', '')}</h2>`;
  if (block.startsWith('```')) return html`<pre>${block.replace(/^```.*\n|\n?```$/g, '')}</pre>`;
  if (block.startsWith('|'))
    return html`<pre>${block.replace(/^\|[-|]+\|\n/m, '').replace(/`|\*\*/g, '')}</pre>`;
  return html`<p>${inline(block.replace(/\n(?!- |\d+\. |\*\*)/g, ' ').replace(/ {2,}/g, ' '))}</p>`;
}

/** Code, bold, emphasis, and links to another section; of other links, which lead to pages that are not here, only the text. */
function inline(text: string): Part[] {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*\n]+\*|\[[^\]]+\]\([^)]+\))/).map((part) => {
    if (part.startsWith('`')) return html`<code>${part.slice(1, -1)}</code>`;
    if (part.startsWith('**')) return html`<strong>${part.slice(2, -2)}</strong>`;
    if (/^\*.+\*$/.test(part)) return html`<em>${part.slice(1, -1)}</em>`;
    const [, label = '', target = ''] = /^\[(.+)\]\((.+)\)$/.exec(part) ?? [];
    if (label === '') return part;
    return target.startsWith('#') ? html`<a href="${target}">${label}</a>` : label;
  });
}

/** As GitHub makes them of headings. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

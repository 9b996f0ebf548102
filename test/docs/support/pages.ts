/** The Markdown of the repository, as far as the tests of it need to understand it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export const ROOT = join(__dirname, '..', '..', '..', '..');

const NOT_OURS = new Set(['node_modules', 'dist', '.cache', '.git']);

/** A block of code between fences. */
export interface Block {
  readonly line: number;
  /** First word behind the fence: `sh`, `yaml`; empty where there is none. */
  readonly language: string;
  /** The other words: `needs=docker`. */
  readonly marks: readonly string[];
  /** Without the indentation of the list that it stands in. */
  readonly text: string;
  /** Nothing but blank lines between this block and the one before. */
  readonly follows: boolean;
}

export class Page {
  readonly text: string;
  readonly blocks: readonly Block[];
  /** Without blocks of code. */
  readonly prose: string;

  /** @param path from the root of the repository */
  constructor(readonly path: string) {
    this.text = readFileSync(join(ROOT, path), 'utf8');
    const { blocks, prose } = parted(this.text);
    this.blocks = blocks;
    this.prose = prose;
  }

  /** Of every heading, as GitHub makes them. */
  get anchors(): ReadonlySet<string> {
    const found = new Set<string>();
    for (const [, heading = ''] of this.prose.matchAll(/^#+ (.+)$/gm)) {
      const anchor = anchorOf(heading);
      let unique = anchor;
      for (let n = 1; found.has(unique); n++) unique = `${anchor}-${n}`;
      found.add(unique);
    }
    return found;
  }

  /** Targets of links and pictures. */
  get links(): readonly string[] {
    const withoutCode = this.prose.replace(/`[^`\n]*`/g, '');
    return [
      ...[...withoutCode.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target),
      ...[...withoutCode.matchAll(/<(https?:[^>\s]+)>/g)].map(([, target = '']) => target),
    ];
  }
}

/** Folders at the top with files of our own; hidden ones are tools'. */
export const ROOMS: readonly string[] = readdirSync(ROOT, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !NOT_OURS.has(entry.name) && !entry.name.startsWith('.'))
  .map(({ name }) => name);

/** What the package has of them. */
export const SHIPPED_ROOMS: readonly string[] = (
  JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] }
).files.flatMap((path) => /^dist\/([a-z]+)$/.exec(path)?.[1] ?? []);

/** Every file below these folders that is no Markdown, from the root. */
export function filesBelow(rooms: readonly string[]): string[] {
  return rooms.flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.md'))
      .map((entry) => join(relative(ROOT, entry.parentPath), entry.name)),
  );
}

export function allPages(): Page[] {
  return markdownBelow('').map((path) => new Page(path));
}

function markdownBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : markdownBelow(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

function anchorOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

function parted(text: string): { blocks: Block[]; prose: string } {
  const blocks: Block[] = [];
  const prose: string[] = [];
  let open:
    { line: number; indentation: string; info: string; follows: boolean; lines: string[] } | undefined;
  let follows = false;
  for (const [index, line] of text.split('\n').entries()) {
    const [, indentation = '', info] = /^( *)```(.*)$/.exec(line) ?? [];
    if (open) {
      if (info === '' && indentation === open.indentation) {
        const [language = '', ...marks] = open.info.split(/ +/);
        blocks.push({
          line: open.line,
          language,
          marks,
          text: open.lines.map((one) => `${one}\n`).join(''),
          follows: open.follows,
        });
        open = undefined;
        follows = true;
      } else {
        open.lines.push(
          line.startsWith(open.indentation) ? line.slice(open.indentation.length) : line.trimStart(),
        );
      }
    } else if (info !== undefined) {
      open = { line: index + 1, indentation, info: info.trim(), follows, lines: [] };
    } else {
      prose.push(line);
      if (line.trim() !== '') follows = false;
    }
  }
  if (open) throw new Error(`The block in line ${open.line} has no end.`);
  return { blocks, prose: prose.join('\n') };
}

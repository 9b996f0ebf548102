/** Blocks of commands, and what their marks say. */
import type { Block, Page } from './pages';

/**
 * What a block may need that tests have not got: `sh needs=docker`. All other blocks are run.
 *
 *   docker, kubernetes, kong (a real one, or what belongs to it), kafka-tools (Kafka's scripts), registry (a schema
 *   registry and its subjects), root (changes the machine), terminal (a process that stays), minutes (takes some)
 */
export const NEEDS = [
  'docker',
  'kubernetes',
  'kong',
  'kafka-tools',
  'registry',
  'root',
  'terminal',
  'minutes',
] as const;

export type Run =
  /** To its end; what it prints is compared with the block behind it. */
  | { readonly kind: 'run'; readonly shown: string | undefined }
  /** `sh demo`: `make demo`, with another configuration perhaps. */
  | { readonly kind: 'demo'; readonly config: string | undefined }
  /** `sh background`: until the end of the page; it has begun when it prints the block behind it. */
  | { readonly kind: 'background'; readonly shown: string }
  | { readonly kind: 'not run'; readonly needs: string };

export interface Command {
  readonly block: Block;
  readonly run: Run;
}

/** @throws Error when a mark says nothing that is known */
export function commandsOf(page: Page): Command[] {
  return page.blocks.flatMap((block, index) => {
    if (block.language !== 'sh') return [];
    const next = page.blocks[index + 1];
    const shown = next?.follows && next.language === '' ? next.text : undefined;
    return [{ block, run: runOf(block, shown) }];
  });
}

function runOf({ marks, text, line }: Block, shown: string | undefined): Run {
  const [mark, ...others] = marks;
  if (others.length > 0) throw new Error(`line ${line}: one mark at most, not ${marks.join(' ')}`);
  if (mark === undefined) return { kind: 'run', shown };
  if (mark === 'demo') {
    const [, config] = /^make demo(?: CONFIG=(\S+))?$/.exec(text.trim()) ?? [null];
    if (config === null)
      throw new Error(`line ${line}: a demo is started by 'make demo', not '${text.trim()}'`);
    return { kind: 'demo', config };
  }
  if (mark === 'background') {
    if (shown === undefined) throw new Error(`line ${line}: nothing shows when it has begun`);
    return { kind: 'background', shown };
  }
  const needs = NEEDS.find((name) => mark === `needs=${name}`);
  if (needs === undefined) throw new Error(`line ${line}: '${mark}' is no mark`);
  return { kind: 'not run', needs };
}

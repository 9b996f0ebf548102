import type { SeededRandom } from '../support/seeded-random';

export interface TargetOptions {
  /** Of a plugin server that is a process. */
  readonly workers: number;
}

/** A decoder of bytes that somebody else chose, and what must hold whatever they are. */
export interface FuzzTarget {
  readonly name: string;
  /** Valid inputs, from which others are made. */
  readonly samples: readonly Buffer[];
  /** What the decoder branches on, to be put in anywhere. */
  readonly tokens?: readonly string[];
  /** Instead of changing bytes of a sample. */
  readonly generate?: (random: SeededRandom) => Buffer;
  /** Throws when something does not hold: an error that is not the decoder's own, or a broken invariant. */
  run(input: Buffer): void | Promise<void>;
  start?(options: TargetOptions): Promise<void>;
  end?(): Promise<void>;
  /** Cases of the short form, where a case costs more than some microseconds. */
  readonly shortCases?: number;
  /** Where a few bytes may stand for a lot. */
  readonly bounds?: {
    /** Processor time of one case. */
    readonly cpuMs: number;
    /** Of the process, above what it had at the start. */
    readonly memoryBytes: number;
  };
}

/**
 * The result of a decoder, or undefined when it refused the input with an error of its own; any other error is a
 * finding and passes through.
 */
export function unlessRefused<T>(read: () => T, isOwnError: (error: unknown) => boolean): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isOwnError(error)) return undefined;
    throw error;
  }
}

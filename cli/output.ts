/**
 * What a command prints. For people: text, with colours on a terminal only. For programs, with `--json`: one JSON
 * document, or a JSON line for each event of a command that goes on. What is on the way (progress, hints) is on stderr,
 * so that stdout can be piped.
 */
import { styleText } from 'node:util';
import { shownJson, shownLines } from './shown-text';
import type { Surroundings } from './surroundings';

export type Style = Parameters<typeof styleText>[0];

export class Output {
  readonly #colours: boolean;
  readonly #colouredErrors: boolean;

  constructor(
    private readonly surroundings: Surroundings,
    readonly isJson: boolean,
  ) {
    const { stdout, stderr, env } = surroundings;
    // https://no-color.org: set and not empty.
    const wanted = (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
    this.#colours = wanted && !isJson && stdout.isTTY === true;
    this.#colouredErrors = wanted && stderr.isTTY === true;
  }

  /** A line for people; nothing with `--json`. */
  line(text = ''): void {
    if (!this.isJson) this.surroundings.stdout.write(`${text}\n`);
  }

  /** As it is, in both forms: for what is itself a document, such as a completion script. */
  raw(text: string | Uint8Array): void {
    this.surroundings.stdout.write(text);
  }

  /** What somebody else has written: as it is, but nothing of it can steer a terminal. */
  foreign(bytes: Buffer): void {
    const { stdout } = this.surroundings;
    stdout.write(stdout.isTTY === true ? shownLines(bytes.toString()) : bytes);
  }

  /** The one document of a command that ends by itself; nothing without `--json`. */
  document(value: unknown): void {
    if (this.isJson) this.surroundings.stdout.write(`${shownJson(JSON.stringify(value, null, 2))}\n`);
  }

  /** One event of a command that goes on; nothing without `--json`. */
  event(value: unknown): void {
    if (this.isJson) this.surroundings.stdout.write(`${shownJson(JSON.stringify(value))}\n`);
  }

  /** What is being done, for whoever waits; on stderr, in both forms. */
  progress(text: string): void {
    this.surroundings.stderr.write(`${this.#colouredErrors ? styleText('dim', text, FORCED) : text}\n`);
  }

  /** Text in a style where stdout takes colours. */
  styled(style: Style, text: string): string {
    return this.#colours ? styleText(style, text, FORCED) : text;
  }
}

/** Node would ask its own stdout; whether there are colours was decided here. */
const FORCED = { validateStream: false } as const;

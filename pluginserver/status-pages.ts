/** The pages for people, made when somebody asks. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pageFacts } from '../status/facts';
import { guidePage } from '../status/guide';
import { statusPage } from '../status/page';

/** Whoever asks more often gets the same page again: many readers, or a flood, make it once a second. */
const KEPT_MS = 1000;
const GUIDE_PATH = join('docs', 'troubleshooting.md');

export class StatusPages {
  #status: { readonly text: Promise<string>; readonly madeAtMs: number } | undefined;
  #guide: string | undefined;

  constructor(
    private readonly collect: () => unknown,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  status(): Promise<string> {
    const nowMs = this.nowMs();
    if (this.#status === undefined || nowMs - this.#status.madeAtMs >= KEPT_MS) {
      this.#status = { text: this.#make(), madeAtMs: nowMs };
    }
    return this.#status.text;
  }

  async #make(): Promise<string> {
    return statusPage(pageFacts(await this.collect()));
  }

  guide(): string {
    this.#guide ??= guidePage(guideText());
    return this.#guide;
  }
}

/** From the package this file belongs to, compiled or not. */
function guideText(): string {
  for (let folder = __dirname; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      return readFileSync(join(folder, GUIDE_PATH), 'utf8');
    } catch {
      // Not the package's root yet.
    }
  }
  return `# Troubleshooting\n\n${GUIDE_PATH} of the package is not installed here.`;
}

/** The processes that make the load. Contenders that speak the same protocol share one, which is equally warm for all. */
import { LoadProcess } from '../load/load-process';

export class Drivers {
  readonly #shared = new Map<string, LoadProcess>();
  readonly #all: LoadProcess[] = [];

  /** @param program its path under bench/ */
  async shared(program: string): Promise<LoadProcess> {
    const running = this.#shared.get(program);
    if (running !== undefined) return running;
    const driver = await this.start(program);
    this.#shared.set(program, driver);
    return driver;
  }

  /** One that nobody else gets. */
  async start(program: string): Promise<LoadProcess> {
    const driver = await LoadProcess.start(program);
    this.#all.push(driver);
    return driver;
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    for (const driver of this.#all) await driver.stop();
  }
}

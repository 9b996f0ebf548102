/** Callers that wait for one event which may come, go and come again. */

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

export class Waiters {
  #waiting: Waiter[] = [];

  wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  resolve(): void {
    for (const waiter of this.#take()) waiter.resolve();
  }

  reject(error: Error): void {
    for (const waiter of this.#take()) waiter.reject(error);
  }

  #take(): Waiter[] {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }
}

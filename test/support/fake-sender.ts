import type { GatewayError } from '../../bridge/errors';
import type { OutgoingRecord } from '../../bridge/kafka/records';
import type { Capture } from '../../bridge/failover/captures';

/** Takes records as a broker does, until a test says otherwise. */
export class FakeSender {
  readonly records: OutgoingRecord[] = [];
  /** Every delivery ends with it. */
  failure: GatewayError | undefined;
  /** Thrown when it is asked whether it is ready. */
  notReady: GatewayError | undefined;
  closed = 0;
  readonly #waiting: (() => void)[] = [];
  #isHeld = false;

  readonly sender: Capture['sender'] = {
    readyNow: () => {
      if (this.notReady) throw this.notReady;
      return true;
    },
    whenReady: () => Promise.resolve(),
    deliver: ({ record }, onEnd) => {
      const end = (): void => {
        if (this.failure === undefined) this.records.push(record);
        onEnd(this.failure);
      };
      if (this.#isHeld) this.#waiting.push(end);
      else setImmediate(end);
    },
    close: () => this.closed++,
  };

  /** Deliveries that wait for `release`. */
  get waiting(): number {
    return this.#waiting.length;
  }

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const end of this.#waiting.splice(0)) end();
  }
}

/** One Kong worker of a soak: an instance of both plugins for each kind of request, renewed when Kong's configuration changes. */
import { codeOf } from '../load/open-loop';
import { nonceOf } from '../load/payload';
import type { PluginSocket } from '../load/kong-events';
import { ProtocolEnd } from '../load/protobuf-end';
import { KIND_NAMES, LEFT, requestKind, type KindName, type SoakTarget } from './mix';

export interface SoakSockets {
  readonly producer: Pick<PluginSocket, 'plugin' | 'socket'>;
  readonly consumer: Pick<PluginSocket, 'plugin' | 'socket'>;
}

interface Route {
  readonly producer: ProtocolEnd;
  readonly consumer: ProtocolEnd;
  readonly expected: readonly string[];
  readonly leavesAfterMs: number | undefined;
}

/** `got` is the status, with the code of an error; or LEFT. A reply to somebody else's request is `crossed`. */
export type OnAnswer = (got: string, expected: readonly string[], crossed: boolean) => void;

export class SoakWorker {
  readonly #target: SoakTarget;
  readonly #routes: ReadonlyMap<KindName, Route>;
  /** In which the configuration in use was made. */
  #updates: number;

  constructor(sockets: SoakSockets, target: SoakTarget, updates: number) {
    this.#target = target;
    this.#updates = updates;
    this.#routes = new Map(
      KIND_NAMES.map((name) => {
        const { producer, consumer, expected, leavesAfterMs } = requestKind(name, target, updates);
        return [
          name,
          {
            producer: new ProtocolEnd({ ...sockets.producer, config: producer }),
            consumer: new ProtocolEnd({ ...sockets.consumer, config: consumer }),
            expected,
            leavesAfterMs,
          },
        ];
      }),
    );
  }

  async start(): Promise<void> {
    for (const end of this.#ends()) await end.startInstance();
  }

  /**
   * Kong's configuration has changed. When it flaps, requests that began before it bring the old instances back once
   * more, and the next ones the new ones.
   */
  async update(updates: number, options: { flap: boolean }): Promise<void> {
    const old = this.#updates;
    this.#updates = updates;
    for (const of of options.flap ? [updates, old, updates] : [updates]) {
      for (const [name, route] of this.#routes) {
        const { producer, consumer } = requestKind(name, this.#target, of);
        await Promise.all([route.producer.renewInstance(producer), route.consumer.renewInstance(consumer)]);
      }
    }
  }

  /** The producer's event and, unless that ended the request, the consumer's. */
  run(name: KindName, nonce: string, onAnswer: OnAnswer): void {
    const { producer, consumer, expected, leavesAfterMs } = this.#routes.get(name) as Route;
    const answered = (status: number, body: Buffer): void => {
      const own = nonceOf(body);
      const got = own === undefined ? `${status} ${codeOf(body)}` : String(status);
      onAnswer(got, expected, own !== undefined && own !== nonce);
    };
    producer.run(nonce, (refusal) => {
      if (refusal) {
        answered(refusal.status, refusal.body);
        return;
      }
      const leave = consumer.run(nonce, (exit) => {
        clearTimeout(leaving);
        answered(exit?.status ?? 0, exit?.body ?? Buffer.alloc(0));
      });
      const leaving =
        leavesAfterMs === undefined
          ? undefined
          : setTimeout(() => {
              leave();
              onAnswer(LEFT, expected, false);
            }, leavesAfterMs);
    });
  }

  closeIdle(): void {
    for (const end of this.#ends()) end.closeIdle();
  }

  get reruns(): number {
    return this.#ends().reduce((sum, end) => sum + end.reruns, 0);
  }

  #ends(): ProtocolEnd[] {
    return [...this.#routes.values()].flatMap(({ producer, consumer }) => [producer, consumer]);
  }
}

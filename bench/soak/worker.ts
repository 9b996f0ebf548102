/** One Kong worker of a soak: instances of the plugins for each kind of request, renewed when Kong's configuration changes. */
import { routePlugins, type PluginForm, type RoutePlugin } from '../../dev/plugin-form';
import { codeOf } from '../load/open-loop';
import { nonceOf } from '../load/payload';
import { ProtocolEnd } from '../load/protobuf-end';
import { KIND_NAMES, LEFT, requestKind, type KindName, type SoakTarget } from './mix';

/** Kong would pass the request on to an upstream. */
const NOBODY_ANSWERED = 0;

export interface SoakPlugins {
  readonly form: PluginForm;
  /** By the name of the plugin. */
  readonly sockets: Readonly<Record<string, string>>;
}

interface Route {
  /** In the order in which a request meets them. */
  readonly ends: readonly ProtocolEnd[];
  readonly expected: readonly string[];
  readonly leavesAfterMs: number | undefined;
}

/** `got` is the status, with the code of an error; or LEFT. A reply to somebody else's request is `crossed`. */
export type OnAnswer = (got: string, expected: readonly string[], crossed: boolean) => void;

export class SoakWorker {
  readonly #form: PluginForm;
  readonly #target: SoakTarget;
  readonly #routes: ReadonlyMap<KindName, Route>;
  /** In which the configuration in use was made. */
  #updates: number;

  constructor({ form, sockets }: SoakPlugins, target: SoakTarget, updates: number) {
    this.#form = form;
    this.#target = target;
    this.#updates = updates;
    this.#routes = new Map(
      KIND_NAMES.map((name) => {
        const { expected, leavesAfterMs } = requestKind(name, target, updates);
        const ends = this.#plugins(name, updates).map(
          ({ name: plugin, config }) => new ProtocolEnd({ plugin, socket: sockets[plugin] ?? '', config }),
        );
        return [name, { ends, expected, leavesAfterMs }];
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
      for (const [name, { ends }] of this.#routes) {
        const plugins = this.#plugins(name, of);
        await Promise.all(ends.map((end, index) => end.renewInstance(plugins[index]?.config ?? {})));
      }
    }
  }

  /** The event of one plugin after the other, until one of them answers; the client leaves the last one. */
  run(name: KindName, nonce: string, onAnswer: OnAnswer): void {
    const { ends, expected, leavesAfterMs } = this.#routes.get(name) as Route;
    const answered = (status: number, body: Buffer): void => {
      const own = nonceOf(body);
      const got = own === undefined ? `${status} ${codeOf(body)}` : String(status);
      onAnswer(got, expected, own !== undefined && own !== nonce);
    };
    const event = ([end, ...rest]: readonly ProtocolEnd[]): void => {
      if (end === undefined) {
        answered(NOBODY_ANSWERED, Buffer.alloc(0));
        return;
      }
      const leave = end.run(nonce, (exit) => {
        clearTimeout(leaving);
        if (exit) answered(exit.status, exit.body);
        else event(rest);
      });
      const leaving =
        leavesAfterMs === undefined || rest.length > 0
          ? undefined
          : setTimeout(() => {
              leave();
              onAnswer(LEFT, expected, false);
            }, leavesAfterMs);
    };
    event(ends);
  }

  closeIdle(): void {
    for (const end of this.#ends()) end.closeIdle();
  }

  get reruns(): number {
    return this.#ends().reduce((sum, end) => sum + end.reruns, 0);
  }

  #plugins(name: KindName, updates: number): readonly RoutePlugin[] {
    const { request, reply } = requestKind(name, this.#target, updates);
    return routePlugins(this.#form, request, reply);
  }

  #ends(): ProtocolEnd[] {
    return [...this.#routes.values()].flatMap(({ ends }) => ends);
  }
}

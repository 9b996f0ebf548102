/** The child's end of load-process.ts: connects to what it is told, and runs loads through it. */
import { runClosedLoop } from './closed-loop';
import type { Exchanger, Load } from './load';
import { runPacedLoop } from './paced-loop';

/** One process drives several targets, one at a time: whoever is compared is driven by the same code, equally warm. */
export type DriverQuestion = { readonly target: string } & (
  { readonly connect: object } | { readonly load: Load }
);

/** What the parent has put on the command line. */
export function childOptions<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T;
}

/** @param connect to a target with the options that the parent has for it */
export function serveLoads<Options>(connect: (options: Options) => Promise<Exchanger>): void {
  serveQuestions(async () => {
    const exchangers = new Map<string, Exchanger>();
    return async (question: DriverQuestion) => {
      if ('connect' in question) {
        exchangers.set(question.target, await connect(question.connect as Options));
        return null;
      }
      const exchanger = exchangers.get(question.target);
      if (exchanger === undefined) throw new Error(`not connected to ${question.target}`);
      return runLoad(exchanger, question.load);
    };
  });
}

function runLoad(exchanger: Exchanger, load: Load): Promise<unknown> {
  return 'inFlight' in load ? runClosedLoop(exchanger, load) : runPacedLoop(exchanger, load);
}

/** The same for a child that is asked for something else than loads. */
export function serveQuestions<Question>(
  connect: () => Promise<(question: Question) => Promise<unknown>>,
): void {
  const send = (message: object) => process.send?.(message);
  // Nobody is left to report to.
  process.on('disconnect', () => process.exit(0));
  connect()
    .then((answer) => {
      process.on('message', (question: Question) => {
        answer(question).then(
          (result) => send({ result }),
          (error: unknown) => send({ failed: String(error) }),
        );
      });
      send({ ready: true });
    })
    .catch((error: unknown) => send({ failed: error instanceof Error ? error.message : String(error) }));
}

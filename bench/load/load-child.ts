/** The child's end of load-process.ts: connects, then runs one load after the other as it is told. */
import { runClosedLoop, type Exchanger, type Load } from './closed-loop';

/** What the parent has put on the command line. */
export function childOptions<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T;
}

export function serveLoads(connect: () => Promise<Exchanger>): void {
  serveQuestions(async () => {
    const exchanger = await connect();
    return (load: Load) => runClosedLoop(exchanger, load);
  });
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

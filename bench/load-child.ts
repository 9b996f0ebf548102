/** The child's end of load-process.ts: connects, then runs one load after the other as it is told. */
import { runClosedLoop, type Exchanger, type Load } from './closed-loop';

/** What the parent has put on the command line. */
export function childOptions<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T;
}

export function serveLoads(connect: () => Promise<Exchanger>): void {
  const send = (message: object) => process.send?.(message);
  // Nobody is left to report to.
  process.on('disconnect', () => process.exit(0));
  connect()
    .then((exchanger) => {
      process.on('message', (load: Load) => {
        void runClosedLoop(exchanger, load).then((result) => send({ result }));
      });
      send({ ready: true });
    })
    .catch((error: unknown) => send({ failed: error instanceof Error ? error.message : String(error) }));
}

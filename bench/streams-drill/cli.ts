/** The drill of streams as a command: `node dist/bench/streams-drill/cli.js --help`. */
import { commandLine, wholeNumber } from '../load/command-line';
import { runCommand } from '../load/run-command';
import { verdictLine } from '../load/verdict';
import { streamsDrillVerdicts } from './goals';
import type { Latencies } from './plain-requests';
import { runStreamsDrill } from './run';

const COMMAND = commandLine({
  make: 'streams-drill',
  program: 'streams-drill/cli.js',
  about: `
Opens streams of server-sent events and WebSockets, lets each have a reply every few seconds, and sends plain requests
beside them: what each stream takes of the plugin server's memory, and how much slower the plain requests are than beside the
same streams in another plugin server.
Ends with status 1 when one misses a reply, or the requests are too slow.`,
  flags: {
    events: wholeNumber({ says: 'streams of server-sent events', byDefault: 5000 }),
    sockets: wholeNumber({ says: 'WebSockets', byDefault: 2000 }),
    'per-second': wholeNumber({ says: 'plain requests', byDefault: 200 }),
    'measure-s': wholeNumber({
      says: 'how long they are measured, each of three times; 20 s have said 0.7 and 1.3 of the same',
      byDefault: 60,
    }),
    'every-s': wholeNumber({ says: 'between two replies to a stream', byDefault: 10 }),
  },
});

runCommand(COMMAND, async (flags) => {
  const report = await runStreamsDrill({
    events: flags.events,
    sockets: flags.sockets,
    perSecond: flags['per-second'],
    measureMs: flags['measure-s'] * 1000,
    everyMs: flags['every-s'] * 1000,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  const { alone, besideOthers, beside } = report;
  const verdicts = streamsDrillVerdicts(report);
  const lines = [
    `plain requests alone:                     ${latencies(alone)}`,
    `beside streams of another plugin server:  ${latencies(besideOthers)}`,
    `beside streams of the same plugin server: ${latencies(beside)}`,
    `plugin server: ${report.kilobytesPerEvents.toFixed(1)} KB for a stream of events, ${report.kilobytesPerSocket.toFixed(1)} KB for a WebSocket`,
    `${report.eventsSeen} events and ${report.messagesSeen} messages came while they were open`,
    '',
    ...verdicts.map(verdictLine),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return verdicts.every(({ holds }) => holds);
});

function latencies({ p50Ms, p99Ms, count }: Latencies): string {
  return `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, ${count} answered`;
}

/**
 * A broker goes away under load and comes back. Whoever asks meanwhile is told so, nobody is left waiting or gets
 * somebody else's reply, and afterwards everything works again without a restart of anything.
 *
 * How fast is measured elsewhere (`make drill`): this machine may be busy.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runDrill } from '../../bench/drill/run';

const RATE_PER_SECOND = 100;

for (const [plugins, signal] of [
  ['pair', 'SIGTERM'],
  ['pair', 'SIGKILL'],
  ['one-event', 'SIGKILL'],
] as const) {
  test(`a broker that is away for a moment (${plugins}, ${signal}) costs answers, not correctness`, async () => {
    const report = await runDrill({
      stops: [{ signal, outageMs: 1500 }],
      plugins,
      ratePerSecond: RATE_PER_SECOND,
      warmUpMs: 1000,
    });
    assert.deepEqual(
      { lost: report.lost, crossed: report.crossed, stillOpen: report.stillOpen },
      { lost: 0, crossed: 0, stillOpen: 0 },
    );
    const [stop] = report.stops;
    assert.ok(stop);
    const answers = Object.keys(stop.answers);
    const told = JSON.stringify(stop.answers);
    assert.ok(answers.includes('503 not_ready'), `refused while the broker is away: ${told}`);
    // Whether a record that was on its way arrived is unknown: a 504 says so. Nothing else may happen.
    for (const answer of answers) assert.match(answer, /^(200|503 \w+|504 \w+)$/, told);
    assert.notEqual(stop.steadyMs, undefined, `nothing but 200 some time after its return: ${told}`);
  });
}

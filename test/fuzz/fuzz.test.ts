/** The short form of `make fuzz`: the same seed each time, some hundred cases of every target. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PARSERS } from '../support/plugin-parsers';
import { caseInput, runCase } from './one-case';
import { parseFuzzOptions, UsageError } from './options';
import { TARGETS } from './targets';
import { CONFIG_SAMPLES } from './targets/config';
import type { FuzzTarget } from './target';

const SEED = 20_261_121;
const CASES = 200;
const WORKERS = 2;

describe('whatever the bytes', () => {
  for (const target of TARGETS) {
    it(`${target.name} keeps what it promises`, { timeout: 60_000 }, async () => {
      await target.start?.({ workers: WORKERS });
      try {
        for (const sample of target.samples) await target.run(sample);
        for (let index = 0; index < (target.shortCases ?? CASES); index++) {
          assert.equal(await runCase(target, SEED, index), undefined);
        }
      } finally {
        await target.end?.();
      }
    });
  }

  // A sample that is refused is changed into nothing but other refusals.
  it('the configurations that are changed are taken unchanged', () => {
    for (const [name, raw] of CONFIG_SAMPLES) assert.ok(PARSERS[name](raw));
  });
});

describe('the fuzzer', () => {
  const broken: FuzzTarget = {
    name: 'broken',
    samples: [Buffer.from('harmless')],
    tokens: ['!'],
    run: (input) => {
      if (input.includes('!')) throw new TypeError('a bug');
    },
  };

  it('finds a bug, and makes its case again from seed and number', async () => {
    for (let index = 0; index < 1000; index++) {
      const finding = await runCase(broken, SEED, index);
      if (finding === undefined) continue;
      assert.match(finding.reason, /TypeError: a bug/);
      assert.equal(caseInput(broken, finding.seed, finding.case).toString('base64'), finding.input);
      return;
    }
    assert.fail('nothing was found');
  });

  it('takes its options, and refuses others in one sentence', () => {
    const names = ['frames', 'json'];
    assert.deepEqual(parseFuzzOptions(['--only', 'json', '--seed', '5', '--case', '7'], names), {
      only: ['json'],
      seconds: 60,
      seed: 5,
      workers: 1,
      case: 7,
    });
    assert.equal(parseFuzzOptions(['--help'], names), undefined);
    for (const args of [
      ['--only', 'x'],
      ['--seconds', '0'],
      ['--seed', '-1'],
      ['--case', 'x'],
      ['--workers', '0'],
      ['--what'],
    ]) {
      assert.throws(() => parseFuzzOptions(args, names), UsageError, args.join(' '));
    }
  });
});

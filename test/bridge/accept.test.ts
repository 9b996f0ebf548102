import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptsProblem } from '../../bridge/accept';

const CASES: [accept: string | undefined, problem: boolean][] = [
  [undefined, false],
  ['', false],
  ['*/*', false],
  ['application/*', false],
  ['application/json', false],
  ['application/problem+json', true],
  ['Application/Problem+JSON', true],
  ['application/problem+json, application/json', true],
  ['application/problem+json;q=0.5, application/json;q=0.4', true],
  ['application/problem+json;q=0.4, application/json;q=0.5', false],
  ['application/problem+json;q=0.4, application/json', false],
  ['application/problem+json;q=0.4, */*;q=0.1', true],
  ['application/problem+json;q=0.4, */*', false],
  ['application/problem+json;q=0.4, */*, application/json;q=0.1', true],
  ['application/problem+json;q=0.4, application/*;q=0.2, */*', true],
  ['application/problem+json;q=0', false],
  ['application/problem+json; Q=0.000', false],
  ['application/problem+json;q=0.001', true],
  ['application/problem+json;charset=utf-8;q=1.000', true],
  ['application/problem+json;q=nonsense', false],
  ['application/problem+json;q=1.5', false],
  ['application/problem+json;q=-1', false],
  ['text/html;x="application/problem+json, application/problem+json"', false],
  ['application/problem+json-seq', false],
  ['x-application/problem+json', false],
];

for (const [accept, problem] of CASES) {
  test(`Accept: ${accept} ${problem ? 'asks' : 'does not ask'} for problem details`, () => {
    assert.equal(acceptsProblem(accept), problem);
  });
}

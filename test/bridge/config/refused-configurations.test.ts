/**
 * Kong took 44 of 140 configurations that cannot work: the admin was told 201, and every request of the route got a 500.
 * Its schema now says what its language can say. The rest is marked in the list, with the reason.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayError } from '../../../bridge/errors';
import { kongComplaints } from '../../support/kong-check';
import { PARSERS } from '../../support/plugin-parsers';
import { REFUSED, UNSAYABLE } from '../../support/refused-configurations';

function refusal(parse: (raw: unknown) => unknown, config: object): GatewayError {
  try {
    parse(config);
  } catch (error) {
    return error as GatewayError;
  }
  throw new Error('it was taken');
}

/** Numbers of this machine, such as the length of its name. */
const anyNumber = (detail: string) => detail.replace(/has \d+ characters/, 'has # characters');

for (const { plugin, what, config, detail, kong } of REFUSED) {
  const where = kong instanceof RegExp ? 'by Kong already' : `by the plugin only, as ${UNSAYABLE[kong]}`;
  test(`${plugin} refuses ${what}, ${where}`, () => {
    const error = refusal(PARSERS[plugin], config);
    assert.equal(error.code, 'misconfigured');
    assert.equal(anyNumber(error.detail), detail);
    // As Kong's Admin API has it, which drops what is undefined.
    const complaints = kongComplaints(plugin, JSON.parse(JSON.stringify(config)) as object).join('; ');
    if (kong instanceof RegExp) assert.match(complaints, kong);
    else assert.equal(complaints, '', 'Kong can say it: take it off the list');
    const all = PARSERS[plugin].complaintsAbout(config);
    assert.equal(all[0], error.detail);
    assert.doesNotMatch(`${all.join('; ')} ${complaints}`, /planted/);
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Audit } from '../../replay/audit';

const LINE = { at: '', by: 'jo', outcome: 'carried_out', attempts: 1, partition: 0, offset: 0 } as const;

test('a line that no broker has taken is told, however long before the end that was', async () => {
  // One that had failed before the end was asked for was lost, and the exit status 0.
  const failures = [new Error('refused'), undefined];
  const audit = new Audit({ auditFile: undefined, auditTopic: 'audit', dryRun: false }, async () => {
    const failure = failures.shift();
    if (failure) throw failure;
  });
  audit.write(LINE);
  await new Promise((resolve) => setImmediate(resolve));
  audit.write(LINE);
  await assert.rejects(audit.end(), /refused/);
});

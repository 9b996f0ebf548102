/** What plugins answer over HTTP, and who has the port. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { freePorts } from '../../dev/kafka/ports';
import { DEMO, start } from './support/process';
import { eventually } from './support/serving';

/** A plugin that answers with the id of its process. */
const WITH_HTTP = `${DEMO}
exports.Process = {
  http: [{ prefix: '/pid/', handle: (request, response, rest) => response.end(process.pid + rest) }],
};`;

async function answer(port: number, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}

describe('the HTTP port', () => {
  it('is there only when it is asked for, and serves what plugins register', async (t) => {
    const [port = 0] = await freePorts(1);
    const silent = await start(t, [], WITH_HTTP);
    await assert.rejects(answer(port, '/pid/'));
    assert.doesNotMatch(silent.stderr(), /listening for HTTP/);
    const { child, stderr, exitCode } = await start(t, ['--http-listen', `127.0.0.1:${port}`], WITH_HTTP);
    await eventually(() => stderr().includes('listening for HTTP'), 'it does not listen');
    assert.equal(await answer(port, '/pid/-x'), `${child.pid}-x`);
    assert.equal((await fetch(`http://127.0.0.1:${port}/status`)).status, 404);
    child.kill('SIGTERM');
    assert.equal(await exitCode, 0);
  });

  it('goes to the process that takes the sockets over; until then the old one answers', async (t) => {
    const [port = 0] = await freePorts(1);
    const flags = ['--http-listen', `127.0.0.1:${port}`];
    const old = await start(t, flags, WITH_HTTP);
    await eventually(() => old.stderr().includes('listening for HTTP'), 'the old one does not listen');
    const successor = await start(t, flags, WITH_HTTP, old.path);
    await eventually(() => successor.stderr().includes('"serving"'), 'the new one does not serve');
    assert.equal(await answer(port, '/pid/'), String(old.child.pid));
    await eventually(() => successor.stderr().includes('listening for HTTP'), 'it never gets the port');
    assert.equal(await answer(port, '/pid/'), String(successor.child.pid));
    old.child.kill('SIGTERM');
    assert.equal(await old.exitCode, 0);
  });
});

/** How the process ends, and what must not end it. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, openSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DEMO, MAIN, pluginFolder, request, runMain, start } from './support/process';
import { eventually, temporaryFolder } from './support/serving';

const WAITING = 1000;

describe('signals', () => {
  // Kong leaves a managed server 55 ms between SIGTERM and SIGKILL: whoever has no answer by then gets Kong's 500.
  it(`SIGTERM answers ${WAITING} waiting events of a managed process with 503, each once`, async (t) => {
    const server = await start(t, ['--managed']);
    const kongs = await Promise.all(Array.from({ length: WAITING }, () => request(server, '/wait')));
    // Calls are answered in order, so this one has been read after all of those.
    await (await request(server, '/done')).readExit();
    const signalledAtMs = Date.now();
    server.child.kill('SIGTERM');
    const exits = await Promise.all(kongs.map((kong) => kong.readExit()));
    const tookMs = Date.now() - signalledAtMs;
    for (const { status, body, headers } of exits) {
      assert.equal(status, 503);
      assert.equal((JSON.parse(body.toString()) as { code: string }).code, 'draining');
      assert.equal(headers['retry-after'], '1');
    }
    // Far above what Kong leaves; a queue or a timer in the way would still show.
    assert.ok(tookMs < 2000, `${tookMs} ms`);
    for (const kong of kongs) assert.equal(await kong.readFrame(), undefined);
    assert.equal(await server.exitCode, 0);
    const [, writtenAt = ''] = /"time":"([^"]+)"[^\n]*"ending:/.exec(server.stderr()) ?? [];
    const writtenMs = Date.parse(writtenAt) - signalledAtMs;
    t.diagnostic(`${WAITING} answers: written ${writtenMs} ms after the signal, read after ${tookMs} ms`);
  });

  // Images based on Kong's say STOPSIGNAL SIGQUIT, and node as the first process of a container ignored that: the
  // container was killed after its grace period, with everything that waited.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
    it(`${signal} lets what waits finish, refuses what is new, and a second one ends at once`, async (t) => {
      const server = await start(t);
      const waiting = await request(server, '/wait');
      server.child.kill(signal);
      await eventually(() => server.stderr().includes('"draining"'), 'the signal was not obeyed');
      await assert.rejects(request(server, '/late'), /called kong\.response\.exit/);
      assert.equal(server.child.exitCode, null);
      server.child.kill(signal);
      assert.equal(await server.exitCode, 1);
      await waiting.closed();
    });
  }

  // Rotation of logs sends them. The first opened node's debugger on a port of loopback, and whoever may run code there
  // has everything; the second ended the process, with all that waited.
  for (const [signal, event] of [
    ['SIGUSR1', 'signal_ignored'],
    ['SIGUSR2', 'log_level_changed'],
  ] as const) {
    it(`${signal} opens no debugger and ends nothing`, async (t) => {
      const server = await start(t);
      const waiting = await request(server, '/wait');
      server.child.kill(signal);
      await eventually(() => server.stderr().includes(event), 'the signal is not told');
      assert.equal(String((await (await request(server, '/still')).readExit()).body), '/still');
      assert.doesNotMatch(server.stderr(), /Debugger/);
      waiting.socket.destroy();
      server.child.kill('SIGTERM');
      assert.equal(await server.exitCode, 0);
    });
  }

  it('SIGQUIT ends hold', async (t) => {
    const child = spawn(process.execPath, [MAIN, 'hold'], { stdio: ['ignore', 'ignore', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    const exit = once(child, 'exit');
    await once(child.stderr, 'data');
    child.kill('SIGQUIT');
    assert.deepEqual(await exit, [0, null]);
  });
});

describe('output that cannot be written', () => {
  async function served(t: Parameters<typeof start>[0], stdout: number, stderr: number) {
    const path = join(temporaryFolder(t), 'demo.sock');
    const child = spawn(process.execPath, [MAIN, '--plugin', `${pluginFolder(t, DEMO)}=${path}`], {
      stdio: ['ignore', stdout, stderr],
    });
    t.after(() => child.kill('SIGKILL'));
    const exit = once(child, 'exit');
    await eventually(() => existsSync(path) || child.exitCode !== null, 'the server does not listen');
    for (const what of ['/print', '/float', '/timer']) {
      assert.equal((await (await request({ path }, what)).readExit()).body.toString(), what);
    }
    child.kill('SIGTERM');
    assert.deepEqual(await exit, [0, null]);
  }

  it('for want of space on the disk does not end the process', async (t) => {
    const full = openSync('/dev/full', 'w');
    t.after(() => closeSync(full));
    await served(t, full, full);
  });

  it('because the reader is gone does not end the process', async (t) => {
    const reader = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
    const { fd } = (reader.stdin as unknown as { _handle: { fd: number } })._handle;
    reader.kill('SIGKILL');
    await once(reader, 'exit');
    await served(t, fd, fd);
  });

  it('fails --help without a stack', (t) => {
    const full = openSync('/dev/full', 'w');
    t.after(() => closeSync(full));
    assert.deepEqual(runMain(['--help'], { stdio: ['ignore', full, 'pipe'] }), {
      status: 1,
      stdout: '',
      stderr: '',
    });
  });
});

describe('a folder of sockets without permission to write', () => {
  it('ends the process with one sentence and code 1', (t) => {
    const folder = temporaryFolder(t);
    chmodSync(folder, 0o555);
    const plugin = pluginFolder(t, DEMO);
    // Permissions do not bind root, so root becomes somebody else.
    const asSomebody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    chmodSync(join(plugin, '..'), 0o755);
    const { status, stderr } = runMain(['--plugin', `${plugin}=${folder}/s`], asSomebody);
    assert.match(
      stderr.trim().split('\n').at(-1) ?? '',
      /^Cannot listen on .*: this user lacks the permission\.$/,
    );
    assert.equal(status, 1);
    assert.ok(!existsSync(join(folder, 's')));
  });
});

/** The command: one line when it is ready, one sentence when it cannot. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { labDump } from '../../support/gateway-lab';

const CLI = path.join(__dirname, '..', '..', '..', 'dev', 'gateway', 'cli.js');
const folder = mkdtempSync(path.join(tmpdir(), 'gateway-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string): string {
  const full = path.join(folder, name);
  writeFileSync(full, content);
  return full;
}

const GOOD = file(
  'kong.yml',
  '_format_version: "3.0"\nroutes: [{ paths: [/], plugins: [{ name: lab-a }] }]\n',
);
const DUMP = file('lab-a.json', JSON.stringify(labDump('ProtoBuf:1', 'lab-a')));
const SERVER = ['--plugin-server', `lab-a=${path.join(folder, 'p.sock')},${DUMP}`];

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

function run(args: string[], onOutput?: (out: string, kill: () => void) => void): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CLI, ...args]);
    let out = '';
    let error = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      onOutput?.(out, () => child.kill('SIGTERM'));
    });
    child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString()));
    child.on('close', (code) => resolve({ code, out, error }));
  });
}

async function assertRefused(args: string[], sentence: RegExp): Promise<void> {
  const { code, out, error } = await run(args);
  assert.match(error, sentence);
  assert.deepEqual([code, out, error.trim().split('\n').length], [1, '', 1]);
}

describe('the gateway command', () => {
  it('says where it listens, serves, and ends cleanly on SIGTERM', async () => {
    let status = 0;
    const ended = await run(['--config', GOOD, '--port', '0', ...SERVER], (out, kill) => {
      const url = /^gateway listens on (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(out)?.[1];
      if (!url) return;
      void fetch(url).then((response) => {
        status = response.status;
        kill();
      });
    });
    // The plugin server is not there.
    assert.deepEqual([status, ended.code], [500, 0]);
    assert.match(ended.error, /\[err\] starting instance: no such file or directory request_id=[0-9a-f]{32}/);
  });

  it('explains itself', async () => {
    const { code, out } = await run(['--help']);
    assert.equal(code, 0);
    assert.match(out, /--plugin-server <name>=<socket>,<dump\.json>/);
  });

  it('only checks when asked to', async () => {
    const { code, out } = await run(['check', '--config', GOOD, ...SERVER]);
    assert.deepEqual([code, out], [0, 'the configuration is valid: 0 services, 1 routes, 1 plugins\n']);
  });

  const bad = file('bad.yml', 'a: [1\n');
  const wrong = file(
    'wrong.yml',
    '_format_version: "3.0"\nplugins: [{ name: lab-a, config: { nosuch: 1 } }]\n',
  );
  const noJson = file('no.json', 'oops');
  const cases: [title: string, args: string[], sentence: RegExp][] = [
    ['an unknown flag', ['--confg', GOOD], /^gateway: Unknown option '--confg'; try --help\n$/],
    ['an unknown command', ['serve', '--config', GOOD], /^gateway: there is no command "serve"; try --help\n$/],
    ['no configuration', [], /^gateway: --config is missing; try --help\n$/],
    ['a configuration that is not there', ['--config', '/nosuch.yml'], /cannot read the configuration \/nosuch\.yml: ENOENT/],
    ['bad YAML', ['--config', bad], /bad\.yml is not valid YAML: /],
    ['an impossible configuration', ['check', '--config', wrong, ...SERVER], /plugins\[lab-a\] config\.nosuch: unknown field\n$/],
    ['a missing dump', ['--config', GOOD, '--plugin-server', 'a=/p.sock,/nosuch.json'], /cannot read the plugin dump \/nosuch\.json: ENOENT/],
    ['a dump that is no JSON', ['--config', GOOD, '--plugin-server', `a=/p.sock,${noJson}`], /no\.json is not JSON, so it is no plugin dump/],
    ['a plugin server without a dump', ['--config', GOOD, '--plugin-server', 'a=/p.sock'], /expected <name>=<socket>,<dump\.json>/],
    ['a port that is none', ['--config', GOOD, '--port', '70000', ...SERVER], /--port 70000: expected a whole number between 0 and 65535/],
    ['a log level that is none', ['--config', GOOD, '--log-level', 'loud'], /--log-level loud: expected one of debug, info/],
  ]; // prettier-ignore
  for (const [title, args, sentence] of cases) {
    it(`refuses ${title} in one sentence`, () => assertRefused(args, sentence));
  }

  it('refuses a port that is taken in one sentence', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await assertRefused(
      ['--config', GOOD, '--port', String(port), ...SERVER],
      /cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/,
    );
    await new Promise((resolve) => other.close(resolve));
  });
});

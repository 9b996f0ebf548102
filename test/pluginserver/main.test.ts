/** The process as it is started, with plugins in files of their own. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { freePorts } from '../../dev/kafka/ports';
import { PLUGINS, type ListedPlugin } from '../../common/plugins';
import { FLAGS, parseOptions, USAGE, UsageError, type ServeOptions } from '../../pluginserver/options';
import { FakeKong } from './support/fake-kong';
import { DEMO, isAlive, MAIN, pluginFolder, request, runMain, start } from './support/process';
import { eventually, temporaryFolder } from './support/serving';

describe('the process', () => {
  it('serves a plugin folder, small and soon, and drains at SIGTERM', async (t) => {
    const startedMs = Date.now();
    const started = await start(t);
    assert.ok(Date.now() - startedMs < 5000);
    const kong = await request(started, '/hello');
    assert.equal((await kong.readExit()).body.toString(), '/hello');
    const pool = await request(started, '/pool');
    assert.equal((await pool.readExit()).body.toString(), process.env.UV_THREADPOOL_SIZE ?? '192');
    const residentKb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${started.child.pid}/status`, 'utf8'))?.[1];
    assert.ok(Number(residentKb) < 80 * 1024, `${residentKb} KB are resident`);
    started.child.kill('SIGTERM');
    assert.equal(await started.exitCode, 0);
    assert.ok(!existsSync(started.path));
    for (const line of started.stderr().trim().split('\n')) JSON.parse(line);
  });

  it('lives on after a floating rejection and after an exception in a timer', async (t) => {
    const started = await start(t);
    const waiting = await request(started, '/wait');
    await (await request(started, '/float')).readExit();
    await (await request(started, '/timer')).readExit();
    await eventually(() => started.stderr().includes('in a timer'), 'the exception is not logged');
    assert.match(started.stderr(), /floating/);
    assert.equal((await (await request(started, '/still')).readExit()).body.toString(), '/still');
    started.child.kill('SIGTERM');
    started.child.kill('SIGTERM');
    waiting.socket.destroy();
    await started.exitCode;
  });

  it('that is managed answers what waits with 503 at SIGTERM', async (t) => {
    const started = await start(t, ['--managed']);
    const kong = await request(started, '/wait');
    // Whoever is answered is inside the handler: the answer to its first call was read.
    await (await request(started, '/done')).readExit();
    started.child.kill('SIGTERM');
    assert.equal((await kong.readExit()).status, 503);
    assert.equal(await started.exitCode, 0);
  });

  it('that is managed ends when its parent is killed, and so does hold', async (t) => {
    const path = join(temporaryFolder(t), 'demo.sock');
    const served = JSON.stringify(['--managed', '--plugin', `${pluginFolder(t, DEMO)}=${path}`]);
    const parent = spawn(
      process.execPath,
      [
        '-e',
        `const { spawn } = require('child_process');
         const children = [${served}, ['hold']].map((args) => spawn(process.execPath, [${JSON.stringify(MAIN)}, ...args]));
         let silent = 2;
         for (const { stderr } of children) {
           stderr.once('data', () => --silent || console.log(children.map((child) => child.pid).join()));
         }`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    t.after(() => parent.kill('SIGKILL'));
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pids = (String(line).split('\n')[0] as string).split(',').map(Number);
    t.after(() => pids.filter(isAlive).forEach((pid) => process.kill(pid, 'SIGKILL')));
    parent.kill('SIGKILL');
    await eventually(() => !pids.some(isAlive), 'a process outlives its parent');
    assert.ok(!existsSync(path));
  });

  it('hold does nothing until SIGTERM', async (t) => {
    const child = spawn(process.execPath, [MAIN, 'hold'], { stdio: ['ignore', 'ignore', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    const exit = once(child, 'exit');
    await once(child.stderr, 'data');
    child.kill('SIGTERM');
    assert.deepEqual(await exit, [0, null]);
  });
});

describe('what does not stop requests does not stop the process', () => {
  it('a plugin that does not load is answered for with the reason, the others are served', async (t) => {
    const broken = pluginFolder(t, 'syntax error');
    const path = join(temporaryFolder(t), 'broken.sock');
    const started = await start(t, ['--plugin', `${broken}=${path}`]);
    await eventually(() => started.stderr().includes('"serving"'), 'the server does not serve');
    assert.equal((await (await request(started, '/hello')).readExit()).body.toString(), '/hello');
    const kong = await FakeKong.connect(path);
    kong.handleEvent(await kong.startInstance('whatever-its-name-is'));
    await kong.answerRequestId();
    assert.match(
      (await kong.readCall())?.args.toString('latin1') ?? '',
      /does not load: Unexpected identifier/,
    );
    const { status, body } = await kong.readExit();
    assert.equal(status, 500);
    assert.equal((JSON.parse(body.toString()) as { code: string }).code, 'misconfigured');
    assert.match(started.stderr(), /a plugin cannot be served/);
    await kong.close();
    started.child.kill('SIGTERM');
    assert.equal(await started.exitCode, 0);
  });

  it('a socket whose folder comes later is served then', async (t) => {
    const folder = join(temporaryFolder(t), 'later');
    const other = pluginFolder(t, DEMO.replace("'demo'", "'other'"));
    const started = await start(t, ['--plugin', `${other}=${folder}/other.sock`]);
    assert.equal((await (await request(started, '/hello')).readExit()).body.toString(), '/hello');
    assert.match(started.stderr(), /a socket cannot be bound; it is tried again/);
    mkdirSync(folder);
    await eventually(() => existsSync(`${folder}/other.sock`), 'the socket is not bound');
    const kong = await FakeKong.connect(`${folder}/other.sock`);
    kong.handleEvent(await kong.startInstance('other'));
    await kong.answerRequestId();
    await kong.expectCall('kong.request.get_path');
    kong.answerText('/late');
    assert.equal((await kong.readExit()).body.toString(), '/late');
    await kong.close();
    started.child.kill('SIGTERM');
    assert.equal(await started.exitCode, 0);
  });

  // A new version with one broken plugin would take the sockets of an old one that serves both.
  it('but what works goes on: one that cannot serve all takes nothing from a process that does', async (t) => {
    const running = await start(t);
    const { status, stderr } = runMain([
      ...['--plugin', `${pluginFolder(t, DEMO)}=${running.path}`],
      ...['--plugin', `${pluginFolder(t, 'syntax error')}=${running.path}.other`],
    ]);
    assert.match(stderr, /does not load: .*\. The process that has these sockets goes on\.\n$/);
    assert.equal(status, 1);
    assert.equal((await (await request(running, '/hello')).readExit()).body.toString(), '/hello');
    running.child.kill('SIGTERM');
    assert.equal(await running.exitCode, 0);
  });

  it('a status port that is taken is said, with who has it', async (t) => {
    const [port] = await freePorts(1);
    const first = await start(t, ['--status-port', String(port)]);
    const second = await start(t, ['--status-port', String(port)]);
    await eventually(() => second.stderr().includes('the status port is taken'), 'nothing is said');
    assert.match(
      second.stderr(),
      new RegExp(`"held_by":\\{"kind":"plugin server","pid":${first.child.pid},.*"state":"serving"`),
    );
    assert.equal((await (await request(second, '/hello')).readExit()).body.toString(), '/hello');
    for (const { child, exitCode } of [first, second]) {
      child.kill('SIGTERM');
      assert.equal(await exitCode, 0);
    }
  });
});

describe('the command line', () => {
  it('tells its use and its version', () => {
    for (const flag of ['--help', '-h']) {
      const { stdout, status } = runMain([flag]);
      assert.match(stdout, /^Usage: /);
      assert.equal(status, 0);
    }
    assert.match(runMain(['--version']).stdout, /^(\d+\.\d+\.\d+|unknown)\n$/);
  });

  const usage: [string[], RegExp][] = [
    [[], /^No plugin to serve: give --socket-dir or --plugin\.\n$/],
    [['--nonsense'], /^Unknown option '--nonsense'\. See --help\.\n$/],
    [['go'], /^Unknown command "go"\. See --help\.\n$/],
    [['--socket-dir', ''], /^--socket-dir needs a folder\.\n$/],
    [['--producer-socket', ''], /^--producer-socket needs a socket path\.\n$/],
    [['--plugin', 'x'], /^--plugin needs <folder>=<socket>, got "x"\.\n$/],
    [['--plugin', 'x='], /^--plugin needs a socket path\.\n$/],
    [['--plugin', 'a=/s', '--plugin', 'b=/s'], /^Two plugins cannot share one socket path\.\n$/],
    [
      ['--producer-socket', '/s', '--status-port', '70000'],
      /^--status-port needs an integer from 0 to 65535, got/,
    ],
    [
      ['--producer-socket', '/s', '--status-token', 'two words'],
      /^--status-token needs a token of printable characters without blanks\.\n$/,
    ],
    [
      ['--producer-socket', '/s', '--status-token-file', '/nowhere/token'],
      /^--status-token-file cannot be read: /,
    ],
    [
      ['--producer-socket', '/s', '--status-token', 'a', '--status-token-file', 'b'],
      /^--status-token and --status-token-file: give one of them\.\n$/,
    ],
    [
      ['--producer-socket', '/s', '--workers', '0'],
      /^--workers needs an integer from 1 to 64 or auto, got "0"/,
    ],
    [['--producer-socket', '/s', '--drain-timeout-ms', '1s'], /^--drain-timeout-ms needs an integer/],
    [
      ['--producer-socket', '/s', '--log-level', 'loud'],
      /^--log-level needs one of debug, info, warn, error, got/,
    ],
    [['--producer-socket', '/s', '--log-format', 'xml'], /^--log-format needs one of json, pretty, got/],
  ];
  for (const [args, sentence] of usage) {
    it(`is refused with one sentence and code 2: ${args.join(' ') || '(nothing)'}`, () => {
      const { status, stderr, stdout } = runMain(args);
      assert.match(stderr, sentence);
      assert.equal(stderr.trim().split('\n').length, 1);
      assert.equal(status, 2);
      assert.equal(stdout, '');
    });
  }

  it('that names a plugin or socket that does not work ends with one sentence and code 1', (t) => {
    const folder = temporaryFolder(t);
    const good = pluginFolder(t, DEMO);
    const failures: [string[], RegExp][] = [
      [
        ['--plugin', `${folder}/none=${folder}/s`],
        /^The plugin folder .*none does not load: Cannot find module/,
      ],
      [
        ['--plugin', `${pluginFolder(t, 'syntax error')}=${folder}/s`],
        /does not load: Unexpected identifier/,
      ],
      [['--plugin', `${pluginFolder(t, '')}=${folder}/s`], /exports no class called Plugin\.$/m],
      [['--plugin', `${good}=${folder}`], /^Cannot listen on .*: it is a folder\.$/m],
      [
        ['--plugin', `${good}=${folder}/a`, '--plugin', `${good}=${folder}/b`],
        /^The plugin demo is named twice\.$/m,
      ],
    ];
    for (const [args, sentence] of failures) {
      const { status, stderr } = runMain(args);
      assert.match(stderr, sentence);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
      assert.equal(status, 1);
    }
  });

  it('explains every flag that it takes, and no other', () => {
    const explained = [...USAGE.matchAll(/^ {2}(?:--version, )?--([a-z-]+)/gm)].map(([, name]) => name);
    const taken = Object.keys(FLAGS).filter((name) => name !== 'version');
    assert.deepEqual(explained.sort(), taken.sort());
  });

  it('has every default', () => {
    const options = parseOptions(['--producer-socket', '/p', '--consumer-socket', '/c']) as ServeOptions;
    const { plugins, ...rest } = options;
    assert.deepEqual(rest, {
      command: 'serve',
      statusPort: undefined,
      statusHost: '127.0.0.1',
      httpListen: [],
      httpAdvertise: undefined,
      statusAllowedHosts: [],
      statusToken: undefined,
      workers: 1,
      managed: false,
      drainTimeoutMs: 305_000,
      limits: { maxOpenEvents: 50_000, maxBytesInFlight: 268_435_456, maxEventLoopLagMs: 1000 },
      logLevel: 'info',
      logFormat: 'json',
      accessLog: false,
    });
    assert.deepEqual(
      plugins.map(({ folder, socketPath }) => [folder.split('/').slice(-2).join('/'), socketPath]),
      [
        ['plugins/custom_kafka_producer', '/p'],
        ['plugins/custom_kafka_consumer', '/c'],
      ],
    );
    const inFolder = parseOptions(['--socket-dir', '/run/kafka', '--consumer-socket', '/c']) as ServeOptions;
    assert.deepEqual(
      inFolder.plugins.map(({ folder, socketPath }) => [folder.split('/').at(-1), socketPath]),
      PLUGINS.map((plugin: ListedPlugin) => [
        plugin.name,
        plugin.socketFlag === 'consumer-socket' ? '/c' : `/run/kafka/${plugin.entry}.sock`,
      ]),
    );
    assert.throws(() => parseOptions(['--status-port', '-1', '--producer-socket', '/p']), UsageError);
  });

  it('takes addresses for HTTP, of either family and of Unix', () => {
    const httpListenOf = (address: string) =>
      (parseOptions(['--socket-dir', '/s', '--http-listen', address]) as ServeOptions).httpListen[0];
    assert.deepEqual(httpListenOf('unix:/run/kafka/http.sock'), { path: '/run/kafka/http.sock' });
    assert.deepEqual(httpListenOf('127.0.0.1:8901'), { host: '127.0.0.1', port: 8901 });
    assert.deepEqual(httpListenOf('localhost:0'), { host: 'localhost', port: 0 });
    assert.deepEqual(httpListenOf('[::1]:8901'), { host: '::1', port: 8901 });
    for (const address of ['', '8901', ':8901', 'host:', 'host:70000', '::1:8901', 'http://host:1', 'unix:'])
      assert.throws(() => httpListenOf(address), /--http-listen needs <host:port>/, address);
  });
});

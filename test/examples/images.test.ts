/** The Dockerfiles, by reading: there is not always an engine to build them with. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SHIPPED_NODE_FLAGS } from '../../bench/load/shipped';
import { nodeFlags, served } from '../support/start-command';

const ROOT = join(__dirname, '..', '..', '..');
const DOCKERFILES = ['Dockerfile.kong', 'Dockerfile.pluginserver'] as const;
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** One entry per instruction, continued lines joined and comments left out. */
function instructions(path: string): Instruction[] {
  return read(path)
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? assert.fail(`${path}: ${line}`);
      return { name, rest: rest.trim() };
    });
}

/** The instructions of the stage that a build without --target makes. */
function lastStage(path: string): Instruction[] {
  const all = instructions(path);
  return all.slice(all.findLastIndex(({ name }) => name === 'FROM'));
}

function valueOf(stage: readonly Instruction[], name: string): string {
  return stage.findLast((instruction) => instruction.name === name)?.rest ?? assert.fail(name);
}

const admitted = read('.dockerignore')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1));

describe('the images', () => {
  // From 25 on the binary needs libatomic1, which Kong's image does not have.
  it('have the same Node.js, one that the package supports', () => {
    const images = DOCKERFILES.map((path) => /^ARG NODE_IMAGE=(\S+)$/m.exec(read(path))?.[1] ?? '');
    assert.deepEqual(images, Array(DOCKERFILES.length).fill('node:24-bookworm-slim'));
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    assert.match(engines.node, /\^24\.0\.0/);
  });

  it('have what the package has', () => {
    accessSync(join(ROOT, 'dev/setup/assemble.sh'), constants.X_OK);
    for (const path of DOCKERFILES) {
      assert.ok(
        instructions(path).some(
          ({ name, rest }) => name === 'RUN' && rest === 'npm run build && dev/setup/assemble.sh /app',
        ),
        path,
      );
    }
  });

  // A room that is left out is not compiled, and what requires it fails at the start.
  it('are given every source that is compiled for them', () => {
    const { files } = JSON.parse(read('package.json')) as { files: string[] };
    const rooms = files.filter((path) => path.startsWith('dist/')).map((path) => path.slice('dist/'.length));
    assert.ok(rooms.length > 5);
    for (const path of [...rooms, 'dev', 'package.json', 'package-lock.json', 'tsconfig.json', 'LICENSE'])
      assert.ok(admitted.includes(path), path);
  });

  it('fail their build when the Kafka client lacks what the options need', () => {
    for (const path of DOCKERFILES) {
      const check = instructions(path).find(({ rest }) => rest.startsWith('node -e "const { features }'));
      for (const feature of ['ssl', 'sasl_scram', 'gzip', 'lz4', 'snappy', 'zstd'])
        assert.ok(check?.rest.includes(`'${feature}'`), `${path}: ${feature}`);
    }
  });
});

describe('the image of the plugin server', () => {
  const stage = lastStage('Dockerfile.pluginserver');
  const words = (name: string): string[] => JSON.parse(valueOf(stage, name)) as string[];
  const command = [...words('ENTRYPOINT'), ...words('CMD')];

  it('starts the program with flags it has, and the sockets that Kong connects to', () => {
    const options = served(command);
    assert.equal(options.statusPort, 8900);
    assert.equal(options.managed, false);
    assert.deepEqual(nodeFlags(command), SHIPPED_NODE_FLAGS);
  });

  it('runs as a user that is a number and not root, as runAsNonRoot wants to see it', () => {
    const [, uid, gid] = /^\$\{(\w+)\}:\$\{(\w+)\}$/.exec(valueOf(stage, 'USER')) ?? [];
    const given = new Map(
      stage.filter(({ name }) => name === 'ARG').map(({ rest }) => rest.split('=') as [string, string]),
    );
    for (const name of [uid, gid]) assert.match(given.get(name!) ?? '', /^[1-9]\d*$/, name);
  });

  it('has one folder to write to, that of the sockets', () => {
    const owned = stage.filter(({ rest }) => /install -d|chown|--chown/.test(rest));
    assert.deepEqual(
      owned.map(({ rest }) => rest),
      ['install -d -o ${KONG_UID} -g ${KONG_GID} -m 0770 /run/kong-kafka'],
    );
  });

  it('is stopped by a signal that drains', () => {
    assert.equal(valueOf(stage, 'STOPSIGNAL'), 'SIGTERM');
  });

  describe('its health check', () => {
    const [, flags = '', list = ''] = /^(.*?)\s+CMD (\[.*\])$/.exec(valueOf(stage, 'HEALTHCHECK')) ?? [];
    const [program, dashE, script = ''] = JSON.parse(list) as string[];

    it('needs no shell, and knows where the status port is', () => {
      assert.deepEqual([program, dashE], ['node', '-e']);
      assert.match(flags, /--timeout=5s/);
      assert.ok(script.includes(`http://127.0.0.1:${served(command).statusPort}/live`));
    });

    const exitCode = async (port: number): Promise<number> => {
      const check = spawn(process.execPath, ['-e', script.replace('8900', String(port))]);
      const [code] = (await once(check, 'exit')) as [number];
      return code;
    };

    for (const [status, code] of [
      [200, 0],
      [503, 1],
    ] as const) {
      it(`ends with ${code} where the answer is ${status}`, async (t) => {
        const server = createServer((_, response) => response.writeHead(status).end()).listen(0, '127.0.0.1');
        t.after(() => server.close());
        await once(server, 'listening');
        assert.equal(await exitCode((server.address() as AddressInfo).port), code);
      });
    }

    it('ends with 1 where nobody listens', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      server.close();
      await once(server, 'close');
      assert.equal(await exitCode(port), 1);
    });
  });
});

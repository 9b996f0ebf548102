/** Two plugins of one process, of which the second needs what the first has left in the process's memory. */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { GatewayOptions } from '../../../dev/gateway/gateway';
import { labDump } from '../../support/gateway-lab';
import { MAIN } from './process';
import { eventually, temporaryFolder } from './serving';

/** The first event leaves a note in the memory of its process, the second needs it: as a wait for a reply is. */
const NOTES = `
const notes = new Map();
exports.first = async (kong) => {
  const id = await kong.nginx.getVar('kong_request_id');
  notes.set(id, Date.now());
};
exports.second = async (kong) => {
  const id = await kong.nginx.getVar('kong_request_id');
  if (!notes.delete(id)) return kong.response.exit(500, 'the note is in another process');
  await new Promise((resolve) => setTimeout(resolve, 20));
  await kong.response.exit(200, String(process.pid));
};
exports.Process = { drain() {}, between: () => notes.size, async idle() {} };`;

export const PLUGINS = [
  ['first', 20],
  ['second', 10],
] as const;

function pluginSource(name: 'first' | 'second', priority: number): string {
  return `const notes = require('../notes');
exports.Name = '${name}'; exports.Version = '1.0.0'; exports.Priority = ${priority};
exports.Process = notes.Process; exports.Continues = ${name === 'second' ? "'first'" : undefined};
exports.Plugin = class { access(kong) { return notes.${name}(kong); } };`;
}

export function pair(t: TestContext, moreFlags: readonly string[] = []) {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'notes.js'), NOTES);
  const socketOf = (name: string) => join(folder, `${name}.sock`);
  const flags: string[] = [];
  for (const [name, priority] of PLUGINS) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'index.js'), pluginSource(name, priority));
    flags.push('--plugin', `${join(folder, name)}=${socketOf(name)}`);
  }
  const start = async (): Promise<ChildProcess> => {
    const child = spawn(process.execPath, [MAIN, ...flags, ...moreFlags], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    t.after(() => child.kill('SIGKILL'));
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => (log += String(chunk)));
    await eventually(() => log.includes('"serving"'), 'the server does not serve');
    return child;
  };
  const command = (...more: string[]): string => [process.execPath, MAIN, ...flags, ...more].join(' ');
  return { start, command, folder, socketOf, gateway: gatewayOptions(socketOf) };
}

/** Two workers in front of both. */
function gatewayOptions(socketOf: (name: string) => string): GatewayOptions {
  return {
    config: {
      _format_version: '3.0',
      routes: [{ name: 'all', paths: ['/'], plugins: PLUGINS.map(([name]) => ({ name })) }],
    },
    pluginServers: PLUGINS.map(([name, priority]) => ({
      name,
      socketPath: socketOf(name),
      dump: labDump('ProtoBuf:1', name, priority),
    })),
    workers: 2,
    poolIdleMs: 300,
  };
}

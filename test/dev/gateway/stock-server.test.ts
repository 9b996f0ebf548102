/** The gateway with Kong's own JavaScript plugin server, kong-js-pluginserver, over MsgPack:1. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startGateway, type Gateway } from '../../../dev/gateway/gateway';
import { eventually, lines, send } from '../../support/gateway-client';

const PLUGIN = `
class Hello {
  constructor(config) { this.config = config }
  async access(kong) {
    const mode = await kong.request.getHeader('x-mode')
    if (mode === 'throw') throw new Error('on purpose')
    if (mode === 'pass') return
    if (mode === 'headers') {
      const headers = await kong.request.getHeaders(1000)
      return kong.response.exit(200, JSON.stringify(headers['x-dup']))
    }
    if (mode === 'body') {
      const body = await kong.request.getRawBody()
      return kong.response.exit(200, body)
    }
    if (mode === 'hole') return kong.response.exit(204, undefined, { 'x-lost': '1' })
    if (mode === 'object') return kong.response.exit(201, { message: 'made', gone: null })
    await kong.response.setHeader('x-hello-js', 'yes')
    await kong.response.exit(200, JSON.stringify({ hello: this.config.message }), { 'x-list': ['a', 'b'] })
  }
}
module.exports = {
  Plugin: Hello,
  Schema: [{ message: { type: 'string', default: 'hi' } }],
  Version: '1.0.0', Priority: 5, Name: 'hello'
}
`;

describe('kong-js-pluginserver', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'stock-server-'));
  let child: ChildProcess;
  let gateway: Gateway;

  before(async () => {
    const plugins = path.join(folder, 'plugins');
    mkdirSync(plugins);
    writeFileSync(path.join(plugins, 'hello.js'), PLUGIN);
    const bin = path.join(process.cwd(), 'node_modules', 'kong-pdk', 'bin', 'kong-js-pluginserver');
    const dump = await output([bin, '-d', plugins, '--dump-all-plugins']);
    child = spawn(process.execPath, [bin, '-d', plugins, '-p', folder, '--sock-name', 's.sock'], {
      stdio: 'ignore',
    });
    const socketPath = path.join(folder, 's.sock');
    await eventually(() => existsSync(socketPath));
    gateway = await startGateway({
      config: {
        _format_version: '3.0',
        routes: [{ paths: ['/'], plugins: [{ name: 'hello', config: { message: 'grüß dich' } }] }],
      },
      pluginServers: [{ name: 'hello', socketPath, dump: JSON.parse(dump) as object }],
    });
  });

  after(async () => {
    await gateway?.close();
    const ended = new Promise((resolve) => child?.once('close', resolve));
    if (child?.kill()) await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  const mode = (name: string, more: object = {}) =>
    send(gateway.url, { headers: ['x-mode', name, 'x-dup', '1', 'x-dup', '2'], ...more });

  it('answers with its configuration', async () => {
    const response = await mode('hello');
    assert.deepEqual([response.status, response.body.toString()], [200, '{"hello":"grüß dich"}']);
    assert.deepEqual([lines(response, 'x-hello-js'), lines(response, 'x-list')], [['yes'], ['a', 'b']]);
  });

  it('reads headers as lists and bodies as bytes', async () => {
    assert.equal((await mode('headers')).body.toString(), '["1","2"]');
    const body = Buffer.from([0, 255, 128, 10, 13]);
    assert.deepEqual((await mode('body', { body })).body, body);
  });

  it('fails open when its handler throws or returns: nobody answers here', async () => {
    for (const name of ['throw', 'pass']) assert.equal((await mode(name)).status, 503);
  });

  it('cannot be given a body that lies in a file', async () => {
    assert.equal((await mode('body', { body: 'x'.repeat(20_480) })).status, 500);
  });

  it('loses the headers of an exit behind a hole in its arguments', async () => {
    const response = await mode('hole');
    assert.deepEqual([response.status, lines(response, 'x-lost')], [204, []]);
  });

  it('has objects written as JSON by the gateway, without nulls', async () => {
    const response = await mode('object');
    assert.deepEqual([response.status, response.body.toString()], [201, '{"message":"made"}']);
    assert.equal(response.headers['content-type'], 'application/json; charset=utf-8');
  });

  it('serves many requests at once', async () => {
    const responses = await Promise.all(Array.from({ length: 200 }, () => mode('hello')));
    assert.ok(responses.every(({ status }) => status === 200));
    assert.equal(gateway.counters.plugins.hello?.startedInstances, 1);
  });
});

function output(args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const process_ = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    process_.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    process_.on('error', reject);
    process_.on('close', () => resolve(text));
  });
}

/** A plugin of somebody else's, written for npm kong-pdk, served by the process as it is. */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeKong } from './support/fake-kong';
import { decode } from './support/kong-schema';
import { start } from './support/process';

const STAMP = `
class KongPlugin {
  constructor(config) { this.config = config; }
  async access(kong) {
    const user = await kong.request.getHeader('x-user');
    if (!user) return await kong.response.exit(401, { message: 'who are you?' });
    await kong.ctx.shared.set('user', user);
    await kong.service.request.setHeader('x-stamp', this.config.stamp);
  }
  async response(kong) {
    const [user, status] = await Promise.all([kong.ctx.shared.get('user'), kong.service.response.getStatus()]);
    await kong.response.setHeader('x-served', user + ' ' + status);
  }
  async log(kong) {
    await kong.log.notice('served', await kong.ctx.shared.get('user'));
  }
}
module.exports = {
  Plugin: KongPlugin,
  Name: 'stamp',
  Version: '0.1.0',
  Priority: 10,
  Schema: [{ stamp: { type: 'string' } }],
};`;

it('a plugin with phases access, response and log is served', async (t) => {
  const server = await start(t, [], STAMP);
  const kong = await FakeKong.connect(server.path);
  t.after(() => kong.socket.destroy());
  kong.call({ cmd_get_plugin_info: { v: 'stamp' } });
  const { plugin_info: info } = (await kong.readReturn()) as { plugin_info: Record<string, unknown> };
  assert.deepEqual(info.phases, ['access', 'response', 'log']);
  const instance = await kong.startInstance('stamp', { stamp: 'paid' });

  let sequence = kong.handleEvent(instance, 'access');
  await kong.answerRequestId();
  await kong.expectCall('kong.request.get_header');
  kong.answerText('ann');
  await kong.expectCall('kong.ctx.shared.set');
  kong.answerNothing();
  const header = decode('KeyValue', await kong.expectCall('kong.service.request.set_header'));
  assert.deepEqual(header, { k: 'x-stamp', v: { string_value: 'paid' } });
  kong.answerNothing();
  assert.equal(await kong.readEventReturn(), sequence);

  sequence = kong.handleEvent(instance, 'response');
  await kong.answerRequestId();
  await kong.expectCall('kong.ctx.shared.get');
  kong.sendFrame(VALUE_ANN);
  await kong.expectCall('kong.service.response.get_status');
  kong.sendFrame(Buffer.from([8, 200, 1]));
  const served = decode('KeyValue', await kong.expectCall('kong.response.set_header'));
  assert.deepEqual(served, { k: 'x-served', v: { string_value: 'ann 200' } });
  kong.answerNothing();
  assert.equal(await kong.readEventReturn(), sequence);

  sequence = kong.handleEvent(instance, 'log');
  await kong.expectCall('kong.ctx.shared.get');
  kong.sendFrame(VALUE_ANN);
  await kong.expectCall('kong.log.notice');
  kong.answerNothing();
  assert.equal(await kong.readEventReturn(), sequence);

  kong.handleEvent(instance, 'access');
  await kong.answerRequestId();
  await kong.expectCall('kong.request.get_header');
  kong.answerText(undefined);
  const { status, body, headers } = await kong.readExit();
  assert.equal(status, 401);
  assert.deepEqual(JSON.parse(String(body)), { message: 'who are you?' });
  assert.equal(headers['content-type'], 'application/json; charset=utf-8');

  server.child.kill('SIGTERM');
  assert.equal(await server.exitCode, 0);
});

/** A protobuf Value with the text "ann". */
const VALUE_ANN = Buffer.from([26, 3, ...Buffer.from('ann')]);

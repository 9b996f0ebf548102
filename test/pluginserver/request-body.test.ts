import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { GatewayError } from '../../bridge/errors';
import { bodyBytes } from '../../pluginserver/request-body';
import { serve, temporaryFolder, type Kong } from './support/serving';

const codeOf = (code: string) => (error: unknown) => error instanceof GatewayError && error.code === code;

describe('a request body', () => {
  it('in a file is read before the exit', async (t) => {
    const { startEvent, folder } = await serve(t, {
      access: async (kong: Kong) => kong.response.exit(200, await kong.request.getRawBody()),
    });
    const kong = await startEvent();
    await kong.expectCall('kong.request.get_raw_body');
    const path = join(folder, 'caf\u00e9', '0000000001');
    const body = Buffer.alloc(1_000_000, 'body');
    mkdirSync(dirname(path));
    writeFileSync(path, body);
    kong.answerBody({ body_filepath: Buffer.from(path).toString('latin1') });
    assert.ok((await kong.readExit()).body.equals(body));
  });

  it('that is empty is an empty buffer', async (t) => {
    const { startEvent } = await serve(t, {
      access: async (kong: Kong) => {
        const body = await kong.request.getRawBody(10);
        void kong.response.exit(200, `${Buffer.isBuffer(body)} ${body.length}`);
      },
    });
    const kong = await startEvent();
    await kong.expectCall('kong.request.get_raw_body');
    kong.answerNothing();
    assert.equal((await kong.readExit()).body.toString(), 'true 0');
  });

  it('above the limit is refused, in memory and in a file, and the file is not read', async (t) => {
    const content = Buffer.alloc(11);
    assert.throws(() => bodyBytes({ kind: 'content', content }, 10), codeOf('request_too_large'));
    assert.equal(bodyBytes({ kind: 'content', content }, 11), content);
    assert.equal(bodyBytes({ kind: 'content', content }, 0), content);
    assert.equal(bodyBytes({ kind: 'content', content }, undefined), content);
    const path = join(temporaryFolder(t), '0000000002');
    writeFileSync(path, content);
    await assert.rejects(async () => bodyBytes({ kind: 'file', path }, 10), codeOf('request_too_large'));
    assert.equal((await bodyBytes({ kind: 'file', path }, 11)).length, 11);
  });

  it('in a file that cannot be read says what to do', async (t) => {
    const path = join(temporaryFolder(t), '0000000002');
    await assert.rejects(async () => bodyBytes({ kind: 'file', path }, 0), codeOf('misconfigured'));
    writeFileSync(path, 'secret');
    chmodSync(path, 0);
    if (process.getuid?.() === 0) return;
    await assert.rejects(async () => bodyBytes({ kind: 'file', path }, 0), codeOf('misconfigured'));
  });

  // Whoever may connect to the socket can answer for Kong, and had any file sent to a Kafka of its own.
  it('in a file that is none of nginx is not read', async (t) => {
    const folder = temporaryFolder(t);
    const secret = join(folder, 'kafka.env');
    writeFileSync(secret, 'secret');
    const link = join(folder, '0000000003');
    symlinkSync(secret, link);
    const digits = join(folder, '0000000004');
    mkdirSync(digits);
    for (const path of [secret, link, digits, '/proc/self/environ', '/dev/fd/0000000000']) {
      await assert.rejects(async () => bodyBytes({ kind: 'file', path }, 0), GatewayError, path);
    }
  });

  it('that Kong could not read is an error of ours', () => {
    assert.throws(() => bodyBytes({ kind: 'error', message: 'gone' }, 0), codeOf('internal'));
  });
});

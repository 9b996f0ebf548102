import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Authentication } from '../../../bridge/schema-registry/authorization';
import { RegistryClient, type RegistryOptions } from '../../../bridge/schema-registry/registry-client';
import { RegistryError } from '../../../bridge/schema-registry/registry-error';
import type { Clock } from '../../../bridge/clock';
import { makeCertificates, type Certificates } from '../../../dev/kafka/certificates';
import { StubRegistry } from '../../../dev/registry/stub-registry';
import { TokenServer } from '../../support/token-server';

/** The clock of the system, which a test can set forward: sockets keep their own time. */
class ShiftedClock implements Clock {
  shiftMs = 0;
  now(): number {
    return performance.now() + this.shiftMs;
  }
  after(delayMs: number, callback: () => void): () => void {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  }
}

const NO_TLS = {
  verify: true,
  caPem: undefined,
  certificatePem: undefined,
  keyPem: undefined,
  keyPassword: undefined,
};
const STRING = { schema: '"string"' };

let stub: StubRegistry;
let clock: ShiftedClock;
const clients: RegistryClient[] = [];

function client(options: Partial<RegistryOptions> = {}, authentication: Authentication = { mode: 'none' }) {
  const made = new RegistryClient(
    {
      urls: [new URL(stub.url)],
      tls: NO_TLS,
      authentication,
      headers: {},
      timeoutMs: 1000,
      ...options,
    },
    clock,
  );
  clients.push(made);
  return made;
}

const refuses =
  (pattern: RegExp, kind = 'refused') =>
  (error: unknown) => {
    assert.ok(error instanceof RegistryError, String(error));
    assert.match(error.detail, pattern);
    assert.equal(error.kind, kind);
    return true;
  };

beforeEach(async () => {
  stub = await StubRegistry.start();
  clock = new ShiftedClock();
});
afterEach(async () => {
  for (const made of clients.splice(0)) made.close();
  await stub.stop();
});

describe('the client of a schema registry', () => {
  it('finds a schema by id, by GUID and by subject', async () => {
    const guid = '89791762-2336-4186-9674-299b90a802e2';
    stub.add(7, { schema: '{"type":"object"}', schemaType: 'JSON' }, { subject: 'orders/new-value', guid });
    const expected = { id: 7, type: 'JSON', text: '{"type":"object"}', references: [], bytes: 17 };
    assert.deepEqual(await client().byId(7), expected);
    assert.deepEqual(await client().bySubject('orders/new-value', 'latest'), expected);
    assert.deepEqual(await client().bySubject('orders/new-value', '1'), expected);
    assert.equal((await client().byGuid(guid)).text, expected.text);
    assert.equal(stub.asked[1], 'GET /subjects/orders%2Fnew-value/versions/latest');
  });

  it('asks nobody any more when it is closed, also for what it would try again', async () => {
    stub.add(1, STRING);
    const closed = client();
    closed.close();
    await assert.rejects(closed.byId(1), refuses(/it is asked no more/, 'unavailable'));
    assert.deepEqual(stub.asked, []);
  });

  it('takes what names no type for Avro', async () => {
    stub.add(1, STRING);
    assert.equal((await client().byId(1)).type, 'AVRO');
  });

  it('brings references along, each once, in the order in which they are needed', async () => {
    const money = { schema: '"money"' };
    const item = { schema: '"item"', references: [{ name: 'Money', subject: 'money', version: 1 }] };
    stub.add(1, money, { subject: 'money' });
    stub.add(2, item, { subject: 'item' });
    stub.add(3, {
      schema: '"order"',
      references: [...item.references, { name: 'Item', subject: 'item', version: 1 }],
    });
    const { references } = await client().byId(3);
    assert.deepEqual(
      references.map(({ name }) => name),
      ['Money', 'Item'],
    );
    assert.equal(references[1]?.schema.references[0]?.schema, references[0]?.schema);
    assert.equal(stub.asked.length, 3);
  });

  it('gives up on references that go in circles, and on too many', async () => {
    const toItself = { schema: '"a"', references: [{ name: 'A', subject: 'a', version: 1 }] };
    stub.add(1, toItself, { subject: 'a' });
    await assert.rejects(client().byId(1), refuses(/circles/));
    const many = Array.from({ length: 65 }, (_, index) => ({
      name: `N${index}`,
      subject: `s${index}`,
      version: 1,
    }));
    for (const { subject } of many) stub.add(2, STRING, { subject });
    stub.add(3, { schema: '"b"', references: many });
    await assert.rejects(client().byId(3), refuses(/more than 64 references/));
  });

  it('asks once, however many wait', async () => {
    stub.add(1, STRING);
    const one = client();
    await Promise.all(Array.from({ length: 50 }, () => one.byId(1)));
    assert.equal(stub.asked.length, 1);
  });

  it('remembers for five seconds what there is not', async () => {
    const one = client();
    await assert.rejects(one.byId(9), refuses(/the schema registry has no schema 9/));
    await assert.rejects(one.byId(9), refuses(/no schema 9/));
    assert.equal(stub.asked.length, 1);
    stub.add(9, STRING);
    clock.shiftMs += 5001;
    assert.equal((await one.byId(9)).id, 9);
  });

  it('goes to the next URL when one is away, and stays there', async () => {
    stub.add(1, STRING);
    stub.add(2, STRING);
    const one = client({ urls: [new URL('http://127.0.0.1:1'), new URL(stub.url)] });
    assert.equal((await one.byId(1)).id, 1);
    assert.equal((await one.byId(2)).id, 2);
    assert.equal(one.failure, undefined);
  });

  it('works below a path', async () => {
    await client({ urls: [new URL(`${stub.url}/apis/ccompat/v7/`)] })
      .byId(1)
      .catch(() => undefined);
    assert.equal(stub.asked[0], 'GET /apis/ccompat/v7/schemas/ids/1');
  });

  it('tries again after trouble that passes', async () => {
    stub.add(1, STRING);
    let left = 1;
    stub.trouble = (_request, response) => {
      if (left-- === 0) return false;
      response.writeHead(503).end();
      return true;
    };
    assert.equal((await client().byId(1)).id, 1);
  });

  it('is not held longer than its limit by a registry that is slow', async () => {
    stub.trouble = () => true;
    const before = performance.now();
    await assert.rejects(client({ timeoutMs: 100 }).byId(1), refuses(/no answer in time/, 'unavailable'));
    assert.ok(performance.now() - before < 1000);
  });

  it('is not held longer than its limit by an answer that trickles', async () => {
    stub.trouble = (_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(timer));
      return true;
    };
    await assert.rejects(client({ timeoutMs: 100 }).byId(1), refuses(/no answer in time/, 'unavailable'));
  });

  it('asks nobody for a while after three failures in a row, then one question finds out', async () => {
    for (const id of [1, 2, 3, 4, 5]) stub.add(id, STRING);
    const one = client();
    stub.trouble = (_request, response) => Boolean(response.writeHead(500).end());
    for (const id of [1, 2, 3]) await assert.rejects(one.byId(id), refuses(/status 500/, 'unavailable'));
    const asked = stub.asked.length;
    await assert.rejects(one.byId(4), refuses(/status 500/, 'unavailable'));
    assert.equal(stub.asked.length, asked);
    assert.match(one.failure ?? '', /status 500/);
    stub.trouble = undefined;
    clock.shiftMs += 5001;
    assert.equal((await one.byId(5)).id, 5);
    assert.equal((await one.byId(4)).id, 4);
    assert.equal(one.failure, undefined);
  });

  /**
   * Whoever may not see one subject asked for it again and again, counted as a registry that is away, and everybody else was
   * told so: clients of other routes got 502 for replies with a schema that was not known yet.
   */
  it('goes on asking for other schemas while one is refused', async () => {
    stub.add(1, STRING);
    stub.trouble = ({ url = '' }, response) =>
      url.startsWith('/subjects/secret') && Boolean(response.writeHead(403).end('{"error_code":40301}'));
    const one = client();
    for (let times = 0; times < 3; times++) {
      clock.shiftMs += 6000;
      await assert.rejects(one.bySubject('secret-value', 'latest'), RegistryError);
    }
    assert.equal((await one.byId(1)).id, 1);
    clock.shiftMs += 6000;
    await assert.rejects(one.bySubject('secret-value', 'latest'), refuses(/may not see version latest of subject secret-value.*status 403/)); // prettier-ignore
  });

  const hostile: [string, RegExp, string, NonNullable<StubRegistry['trouble']>][] = [
    ['HTML', /answered with text\/html instead of JSON/, 'unavailable', (_request, response) => Boolean(response.writeHead(200, { 'content-type': 'text/html' }).end('<html>planted</html>'))], // prettier-ignore
    ['HTML with 404, as a proxy sends it', /status 404/, 'unavailable', (_request, response) => Boolean(response.writeHead(404).end('<html>'))], // prettier-ignore
    ['10 MB', /longer than/, 'unavailable', (_request, response) => Boolean(response.writeHead(200).end(JSON.stringify({ schema: 'x'.repeat(1e7) })))], // prettier-ignore
    ['a schema of more than a megabyte', /more than 1048576 bytes/, 'refused', (_request, response) => Boolean(response.writeHead(200).end(JSON.stringify({ schema: 'x'.repeat(1_048_577) })))], // prettier-ignore
    ['no schema', /holds no schema/, 'refused', (_request, response) => Boolean(response.writeHead(200).end('{}'))], // prettier-ignore
    ['another type', /none of AVRO/, 'refused', (_request, response) => Boolean(response.writeHead(200).end('{"schema":"","schemaType":"XML"}'))], // prettier-ignore
    ['references that are none', /not a list/, 'refused', (_request, response) => Boolean(response.writeHead(200).end('{"schema":"","references":"x"}'))], // prettier-ignore
    ['references that lead elsewhere', /no name, subject and version/, 'refused', (_request, response) => Boolean(response.writeHead(200).end('{"schema":"","references":[{"name":"n","subject":"..","version":1}]}'))], // prettier-ignore
    ['a redirect to another host', /redirects to another host/, 'unavailable', (_request, response) => Boolean(response.writeHead(302, { location: 'http://127.0.0.2:1/schemas/ids/1' }).end())], // prettier-ignore
    ['a redirect to itself', /redirects in circles/, 'unavailable', (request, response) => Boolean(response.writeHead(307, { location: request.url ?? '' }).end())], // prettier-ignore
    ['a connection that breaks', /cannot be asked/, 'unavailable', (request) => Boolean(request.socket.destroy())], // prettier-ignore
  ];
  for (const [what, pattern, kind, trouble] of hostile) {
    it(`says what is wrong with ${what}`, async () => {
      stub.trouble = trouble;
      await assert.rejects(client().byId(1), refuses(pattern, kind));
    });
  }

  it('follows a redirect on the same host', async () => {
    stub.add(1, STRING);
    stub.trouble = (request, response) => {
      if (request.url === '/schemas/ids/1') return false;
      return Boolean(response.writeHead(308, { location: '/schemas/ids/1' }).end());
    };
    assert.equal((await client().byId(2)).text, STRING.schema);
  });
});

describe('who the client of a schema registry is', () => {
  it('sends user and password', async () => {
    stub.add(1, STRING);
    await client({}, { mode: 'basic', username: 'gateway', password: 'planted' }).byId(1);
    assert.equal(
      stub.lastHeaders.authorization,
      `Basic ${Buffer.from('gateway:planted').toString('base64')}`,
    );
  });

  it('sends a token, and further headers', async () => {
    stub.add(1, STRING);
    const headers = { 'target-sr-cluster': 'lsrc-1' };
    await client({ headers }, { mode: 'bearer', token: 'planted' }).byId(1);
    assert.equal(stub.lastHeaders.authorization, 'Bearer planted');
    assert.equal(stub.lastHeaders['target-sr-cluster'], 'lsrc-1');
  });

  it('says that its credentials were refused, and does not say which', async () => {
    stub.trouble = (_request, response) => Boolean(response.writeHead(401).end('{}'));
    const one = client({ urls: [new URL(stub.url.replace('//', '//u:planted-in-url@'))] }, { mode: 'bearer', token: 'planted' }); // prettier-ignore
    await assert.rejects(one.byId(1), (error: RegistryError) => {
      assert.match(error.detail, /refused the credentials with status 401/);
      assert.ok(!error.detail.includes('planted'));
      return error.kind === 'unavailable';
    });
  });

  describe('with OAuth 2', () => {
    let tokens: TokenServer;
    beforeEach(async () => (tokens = await TokenServer.start()));
    afterEach(() => tokens.stop());

    const oauth = (clientAuth: 'client_secret_basic' | 'client_secret_post' = 'client_secret_basic') =>
      ({
        mode: 'oauth2',
        tokenEndpoint: new URL(`${tokens.url}/token`),
        grant: 'client_credentials',
        clientId: tokens.clientId,
        clientSecret: tokens.clientSecret,
        clientAuth,
        jwtAlgorithm: 'HS512',
        username: undefined,
        password: undefined,
        scopes: ['openid'],
        audience: [],
        headers: {},
        postArgs: {},
        timeoutMs: 1000,
      }) as const;

    it('fetches one token, and keeps it for most of its life', async () => {
      for (const id of [1, 2, 3]) stub.add(id, STRING);
      const one = client({}, oauth());
      await Promise.all([one.byId(1), one.byId(2)]);
      assert.equal(tokens.issued.length, 1);
      assert.equal(stub.lastHeaders.authorization, `Bearer ${tokens.issued[0]}`);
      clock.shiftMs += 0.9 * 1000 * tokens.lifeSeconds;
      await one.byId(3);
      assert.equal(tokens.issued.length, 2);
    });

    it('fetches another one when the registry refuses the one it has', async () => {
      stub.add(1, STRING);
      let left = 1;
      stub.trouble = (_request, response) => left-- > 0 && Boolean(response.writeHead(401).end('{}'));
      assert.equal((await client({}, oauth()).byId(1)).id, 1);
      assert.equal(tokens.issued.length, 2);
    });

    it('says why there is no token, without the secret', async () => {
      tokens.away = true;
      await assert.rejects(client({}, oauth()).byId(1), (error: RegistryError) => {
        assert.match(error.detail, /the token endpoint http.*\/token refused with status 503/);
        assert.ok(!error.detail.includes(tokens.clientSecret));
        return error.kind === 'unavailable';
      });
    });

    it('says so when the endpoint refuses the way the client identifies itself', async () => {
      await assert.rejects(client({}, oauth('client_secret_post')).byId(1), refuses(/status 401, invalid_client/, 'unavailable')); // prettier-ignore
    });
  });
});

describe('a schema registry behind TLS', () => {
  let certificates: Certificates;
  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'certificates-'));
    certificates = await makeCertificates(folder).finally(() => rm(folder, { recursive: true }));
  });

  beforeEach(async () => {
    await stub.stop();
    const { certificate, key } = certificates.server;
    stub = await StubRegistry.start({
      cert: certificate,
      key,
      ca: certificates.ca,
      requestCert: true,
      rejectUnauthorized: false,
    });
    stub.add(1, STRING);
  });

  it('is trusted by its authority, and nobody else is', async () => {
    assert.equal((await client({ tls: { ...NO_TLS, caPem: certificates.ca } }).byId(1)).id, 1);
    const strange = client({ tls: { ...NO_TLS, caPem: certificates.strangeCa } });
    await assert.rejects(
      strange.byId(1),
      refuses(/cannot be asked: .*(certificate|signature)/, 'unavailable'),
    );
    assert.equal((await client({ tls: { ...NO_TLS, verify: false } }).byId(1)).id, 1);
  });

  it('sees the certificate of the gateway', async () => {
    let subject: string | undefined;
    stub.trouble = ({ socket }) => {
      subject = (socket as TLSSocket).getPeerCertificate().subject.CN?.toString();
      return false;
    };
    const tls = {
      verify: true,
      caPem: certificates.ca,
      certificatePem: certificates.client.certificate,
      keyPem: certificates.clientKeyEncrypted,
      keyPassword: certificates.clientKeyPassword,
    };
    await client({ tls }).byId(1);
    assert.equal(subject, 'gateway');
  });
});

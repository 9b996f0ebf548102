/** kong.yml: what is read, what is refused, which route and which plugins a request gets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { parseDeclarative, type DeclarativeConfig, type PluginRules } from '../../../dev/gateway/declarative';
import { HeaderList } from '../../../dev/gateway/headers';
import { Router, type RouteMatch } from '../../../dev/gateway/routes';

const RULES = new Map<string, PluginRules>(
  ['alpha', 'beta'].map((name) => [
    name,
    {
      schema: {
        name,
        fields: [
          { consumer: { type: 'foreign', reference: 'consumers', eq: null } },
          { config: { type: 'record', fields: [{ tag: { type: 'string', default: 'none' } }] } },
        ],
      },
    },
  ]),
);

function read(yaml: string): DeclarativeConfig {
  return parseDeclarative(parse(yaml), RULES, {});
}

function refusal(yaml: string): string {
  try {
    read(yaml);
  } catch (error) {
    return (error as Error).message.replace('the configuration is invalid: ', '');
  }
  return 'accepted';
}

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly host?: string;
  readonly headers?: string[];
}

function match(yaml: string, asked: Asked): RouteMatch | undefined {
  const router = new Router(read(yaml), (name) => (name === 'alpha' ? 740 : 730));
  const { path = '/', method = 'GET', host = 'h', headers = [] } = asked;
  return router.match({ path, method, host, headers: HeaderList.fromRaw(headers) });
}

const head = '_format_version: "3.0"\n';

describe('a route', () => {
  const routes = `${head}
routes:
  - { name: root, paths: [/] }
  - { name: api, paths: [/api] }
  - { name: api-v1, paths: [/api/v1, /v1] }
  - { name: regex, paths: ['~/api/v\\d+/x$'] }
  - { name: posted, paths: [/api], methods: [POST] }
  - { name: hosted, paths: [/api], hosts: [example.com] }
  - { name: wild, paths: [/api], hosts: ['*.example.com'] }
  - { name: headed, paths: [/api], headers: { x-version: ['2', '3'] } }
`;
  const cases: [asked: Asked, name: string][] = [
    [{ path: '/' }, 'root'],
    [{ path: '/other' }, 'root'],
    [{ path: '/api' }, 'api'],
    [{ path: '/apis' }, 'api'],
    [{ path: '/api/v1/y' }, 'api-v1'],
    [{ path: '/v1' }, 'api-v1'],
    [{ path: '/api/v1/x' }, 'regex'],
    [{ path: '/api/v1/x/y' }, 'api-v1'],
    [{ path: '/api/v1', method: 'POST' }, 'posted'],
    [{ path: '/api', host: 'example.com' }, 'hosted'],
    [{ path: '/api', host: 'a.example.com' }, 'wild'],
    [{ path: '/api', headers: ['X-Version', '3'] }, 'headed'],
    [{ path: '/api', headers: ['X-Version', '4'] }, 'api'],
  ];
  for (const [asked, name] of cases) {
    it(`${name} takes ${JSON.stringify(asked)}`, () => {
      assert.equal(match(routes, asked)?.route.name, name);
    });
  }

  it('that fits nothing is none', () => {
    assert.equal(match(`${head}routes: [{ paths: [/a] }]`, { path: '/b' }), undefined);
  });

  it('tells what is left of the path', () => {
    assert.equal(match(routes, { path: '/api/v1/y' })?.remainder, '/y');
    assert.equal(match(routes, { path: '/api' })?.remainder, '');
  });
});

describe('plugins', () => {
  const config = `${head}
services:
  - name: s
    url: http://localhost:1234/base
    plugins: [{ name: alpha, config: { tag: service } }]
    routes:
      - { name: on-route, paths: [/a], plugins: [{ name: alpha, config: { tag: route } }] }
      - { name: on-service, paths: [/b] }
routes:
  - { name: global, paths: [/c] }
  - { name: top, paths: [/d], service: { name: s } }
plugins:
  - { name: alpha, config: { tag: global } }
  - { name: beta }
  - { name: alpha, route: top, service: s, config: { tag: both } }
  - { name: alpha, route: top, config: { tag: top }, enabled: false }
`;
  for (const [path, tag] of Object.entries({
    '/a': 'route',
    '/b': 'service',
    '/c': 'global',
    '/d': 'both',
  })) {
    it(`of ${path}: the closest configuration wins, highest priority first`, () => {
      const plugins = match(config, { path })?.plugins ?? [];
      assert.deepEqual(
        plugins.map((plugin) => [plugin.name, plugin.config.tag]),
        [
          ['alpha', tag],
          ['beta', 'none'],
        ],
      );
    });
  }

  it('keep their ids over a reload, and differ from each other', () => {
    const ids = read(config).plugins.map((plugin) => plugin.id);
    assert.deepEqual(
      read(config).plugins.map((plugin) => plugin.id),
      ids,
    );
    assert.equal(new Set(ids).size, ids.length);
  });
});

describe('a service', () => {
  it('is taken apart from its url or given in parts', () => {
    const [first, second] = read(`${head}
services:
  - { name: a, url: 'https://up.example.com/base', read_timeout: 5000 }
  - { name: b, host: localhost, port: 8080, path: /x }
`).services;
    const { protocol, host, port, path, readTimeoutMs } = first!;
    assert.deepEqual(
      [protocol, host, port, path, readTimeoutMs],
      ['https', 'up.example.com', 443, '/base', 5000],
    );
    assert.deepEqual([second?.protocol, second?.port, second?.path], ['http', 8080, '/x']);
  });
});

describe('a configuration is refused', () => {
  const cases: [title: string, yaml: string, message: string][] = [
    ['without a version', 'routes: []', '_format_version: required field missing'],
    ['with another version', '_format_version: "1.1"', '_format_version: expected "3.0", got "1.1"'],
    ['with an unknown part', `${head}rutes: []`, 'rutes: unknown field'],
    ['with an unknown member of a route', `${head}routes: [{ name: r, paths: [/], pahts: [] }]`, 'routes[r].pahts: unknown field'],
    ['with a route that says nothing', `${head}routes: [{ name: r }]`, "routes[r]: must set one of 'methods', 'hosts', 'headers', 'paths'"],
    ['with a path that does not begin with a slash', `${head}routes: [{ name: r, paths: [a] }]`, 'routes[r].paths: should start with: / (a)'],
    ['with a service that is not there', `${head}routes: [{ name: r, paths: [/], service: { name: x } }]`, 'routes[r].service: there is no service called "x"'],
    ['with two routes of a name', `${head}routes: [{ name: r, paths: [/a] }, { name: r, paths: [/b] }]`, 'routes: there are two routes called "r"'],
    ['with a plugin nobody has', `${head}plugins: [{ name: nope }]`, "plugins[nope]: plugin 'nope' not enabled; it is neither built into this gateway nor given by a plugin server"],
    ['with a plugin option that does not exist', `${head}plugins: [{ name: alpha, config: { x: 1 } }]`, 'plugins[alpha] config.x: unknown field'],
    ['with a plugin for a consumer', `${head}plugins: [{ name: alpha, consumer: jo }]`, 'plugins[alpha] consumer: value must be null'],
    ['with a plugin configured twice', `${head}plugins: [{ name: alpha }, { name: alpha }]`, "plugins: plugin 'alpha' is configured twice for the same route and service"],
    ['with a service without a host', `${head}services: [{ name: s }]`, 'services[s].host: required field missing'],
    ['that is a list', '[]', 'the configuration is not a table'],
  ]; // prettier-ignore
  for (const [title, yaml, message] of cases) {
    it(title, () => assert.equal(refusal(yaml), message));
  }

  it('with a regex that is none, in one sentence', () => {
    assert.match(
      refusal(`${head}routes: [{ name: r, paths: ['~/a('] }]`),
      /^routes\[r\]\.paths: not a valid regex: \/a\(/,
    );
  });

  it('naming everything wrong at once', () => {
    assert.equal(
      refusal(`${head}plugins: [{ name: alpha, config: { tag: 1 } }, { name: nope }]`).split('; ')[0],
      'plugins[alpha] config.tag: expected a string',
    );
  });
});

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { camelCase, createKong, PDK_METHODS, type PdkMethod } from '../../pluginserver/pdk';

/** The methods of Kong 3.9's protocol; a method that is missing, or misspelt, is a 500 without a word. */
const OF_THE_PROTOCOL = `
  client: get_ip get_forwarded_ip get_port get_forwarded_port get_credential load_consumer get_consumer authenticate
    get_protocol
  ctx.shared: set get
  ip: is_trusted
  log: alert crit err warn notice info debug set_serialize_value serialize
  nginx: get_var get_tls1_version_str set_ctx get_ctx req_start_time get_subsystem
  node: get_id get_memory_stats
  request: get_scheme get_host get_port get_forwarded_scheme get_forwarded_host get_forwarded_port get_http_version
    get_method get_path get_path_with_query get_raw_query get_query_arg get_query get_header get_headers get_raw_body
    get_uri_captures
  response: get_status get_header get_headers get_source set_status set_header add_header clear_header set_headers exit
  router: get_route get_service
  service: set_upstream set_target
  service.request: set_scheme set_path set_raw_query set_method set_query set_header add_header clear_header set_headers
    set_raw_body
  service.response: get_status get_header get_headers get_raw_body`
  .split(/\n {2}(?=\S)/)
  .filter((line) => line.includes(':'))
  .flatMap((line) => {
    const [group, names] = line.split(':') as [string, string];
    return names
      .trim()
      .split(/\s+/)
      .map((name) => `kong.${group.trim()}.${name}`);
  });

it('the table has exactly the methods of the protocol', () => {
  assert.equal(OF_THE_PROTOCOL.length, 74);
  assert.deepEqual([...PDK_METHODS.keys()].sort(), [...OF_THE_PROTOCOL].sort());
});

it('every method can be called by its camel case name', () => {
  const calls: [string, readonly unknown[]][] = [];
  const kong = createKong({
    signal: new AbortController().signal,
    onOver: () => undefined,
    call: (method: PdkMethod, args) => {
      calls.push([method.wireName, args]);
      return Promise.resolve();
    },
  });
  for (const wireName of OF_THE_PROTOCOL) {
    const [, ...path] = wireName.split('.').map(camelCase);
    const method = path.reduce<unknown>((level, name) => (level as Record<string, unknown>)[name], kong);
    void (method as (...args: unknown[]) => Promise<unknown>)(1, 'two');
  }
  assert.deepEqual(
    calls,
    OF_THE_PROTOCOL.map((wireName) => [wireName, [1, 'two']]),
  );
  assert.equal(camelCase('get_tls1_version_str'), 'getTls1VersionStr');
});

it('what the protocol does not have is undefined, then included', () => {
  const kong = createKong({
    signal: new AbortController().signal,
    onOver: () => undefined,
    call: () => Promise.resolve(),
  }) as Record<string, Record<string, unknown>>;
  for (const level of [kong, kong.request, kong.service?.request, kong.ctx?.shared]) {
    assert.equal((level as Record<string, unknown>).then, undefined);
  }
  assert.equal(kong.vault, undefined);
  assert.equal(kong.response?.error, undefined);
});

/** Kong's log entry of a proxied request, with the members and about the size that a real one has. */
const HEADERS = {
  host: 'api.example.com',
  'user-agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
  accept: '*/*',
  authorization: 'REDACTED',
  'content-type': 'application/json',
  'content-length': '200',
};
const SERVICE = {
  id: 'dea4c45f-3d88-5461-8ebd-05ae5bbbf87a',
  name: 'orders',
  protocol: 'http',
  host: 'orders.internal',
  port: 8080,
  retries: 5,
  connect_timeout: 60000,
  read_timeout: 60000,
  write_timeout: 60000,
  enabled: true,
  created_at: 1795244143,
  updated_at: 1795244143,
  ws_id: '0dc6f45b-8f8d-40d2-a504-473544ee190b',
};
const ROUTE = {
  id: 'f3ef8bde-817d-5a84-b4cd-13f35d3bbb53',
  name: 'orders',
  paths: ['/orders'],
  protocols: ['http', 'https'],
  service: { id: SERVICE.id },
  strip_path: true,
  preserve_host: false,
  request_buffering: true,
  response_buffering: true,
  regex_priority: 0,
  https_redirect_status_code: 426,
  path_handling: 'v0',
  created_at: 1795244143,
  updated_at: 1795244143,
  ws_id: '0dc6f45b-8f8d-40d2-a504-473544ee190b',
};

/** @param id of the request */
export function logEntryText(id: string): string {
  return JSON.stringify({
    request: {
      id,
      method: 'POST',
      uri: '/orders?page=2',
      url: 'http://api.example.com:8000/orders?page=2',
      querystring: { page: '2' },
      headers: HEADERS,
      size: 412,
    },
    response: {
      status: 200,
      size: 571,
      headers: {
        'content-type': 'application/json',
        'content-length': '210',
        connection: 'close',
        'x-kong-upstream-latency': '9',
        'x-kong-proxy-latency': '1',
        'x-kong-request-id': id,
      },
    },
    upstream_uri: '/?page=2',
    upstream_status: '200',
    latencies: { request: 11, kong: 1, proxy: 9, receive: 1 },
    tries: [{ ip: '10.0.3.17', port: 8080, balancer_latency: 0, balancer_start: 1795244145985 }],
    service: SERVICE,
    route: ROUTE,
    client_ip: '203.0.113.7',
    started_at: 1795244145985,
    source: 'upstream',
    workspace: '0dc6f45b-8f8d-40d2-a504-473544ee190b',
    workspace_name: 'default',
  });
}

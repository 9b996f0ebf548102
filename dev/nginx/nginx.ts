/**
 * A real nginx with Lua, as Kong's is, for the two includes of custom_kafka_failover. Its programs are Debian's, fetched
 * once. Of Kong it has what the includes use: a place for plugins' marks that survives an error page (`kong.resty.ctx`),
 * and an error handler.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { unpackDebianPackages } from '../debian-packages';
import { freePorts } from '../kafka/ports';
import { repositoryRoot } from '../kafka/paths';

const PACKAGES = [
  'nginx',
  'libnginx-mod-http-lua',
  'libnginx-mod-http-ndk',
  'lua-resty-core',
  'lua-resty-lrucache',
  'lua-cjson',
  'libluajit2-5.1-2',
  'libpcre3',
];
const STARTS_WITHIN_MS = 10_000;
/** Of the listener, in kong/failover-proxy.conf. */
const LISTENER = 'unix:/run/kong-kafka/http.sock:';

export interface NginxOptions {
  /** Of the listener; undefined: the includes are left out. */
  readonly listenerSocket: string | undefined;
  /** The upstream where a request does not name one with `x-upstream`. */
  readonly upstreamPort: number;
  readonly readTimeoutMs: number;
}

export class Nginx {
  private constructor(
    readonly url: string,
    readonly errorLog: () => string,
    readonly stop: () => Promise<void>,
  ) {}

  /**
   * A request is marked with the ticket that it has in `x-mark`, which only a plugin could do in Kong.
   * @throws Error with one sentence where Debian's packages cannot be had
   */
  static async start(options: NginxOptions): Promise<Nginx> {
    const root = await unpackDebianPackages('nginx', PACKAGES);
    const folder = mkdtempSync(join(tmpdir(), 'kong-kafka-nginx-'));
    mkdirSync(join(folder, 'kong', 'resty'), { recursive: true });
    writeFileSync(join(folder, 'kong', 'resty', 'ctx.lua'), CTX);
    const [port = 0] = await freePorts(1);
    writeFileSync(join(folder, 'nginx.conf'), configuration(root, folder, port, options));
    const libraries = ['usr/lib', 'lib'].map((lib) => join(root, lib, 'x86_64-linux-gnu')).join(':');
    const child = spawn(join(root, 'usr', 'sbin', 'nginx'), ['-p', folder, '-c', 'nginx.conf'], {
      env: { LD_LIBRARY_PATH: libraries },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaints = '';
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
    const exited = Promise.race([once(child, 'exit'), once(child, 'error')]);
    const errorLog = (): string => readFileSync(join(folder, 'error.log'), 'utf8');
    const endMs = performance.now() + STARTS_WITHIN_MS;
    while (!(await isListening(port))) {
      if (child.exitCode !== null || child.pid === undefined || performance.now() > endMs) {
        child.kill('SIGKILL');
        rmSync(folder, { recursive: true, force: true });
        throw new Error(`nginx does not start: ${complaints}`);
      }
      await delay(20);
    }
    return new Nginx(`http://127.0.0.1:${port}`, errorLog, async () => {
      child.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    });
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Kong's keeps the table of a request under a number that survives in an nginx variable. */
const CTX = `
local kept, count, ctx = {}, 0, {}
function ctx.stash_ref()
  if ngx.var.ctx_ref == "" then
    count = count + 1
    ngx.var.ctx_ref = tostring(count)
  end
  kept[ngx.var.ctx_ref] = ngx.ctx
end
function ctx.apply_ref()
  ngx.ctx = kept[ngx.var.ctx_ref] or ngx.ctx
end
return ctx
`;

function configuration(root: string, folder: string, port: number, options: NginxOptions): string {
  const { listenerSocket, upstreamPort, readTimeoutMs } = options;
  const include = (name: string): string => {
    if (listenerSocket === undefined) return '';
    const text = readFileSync(join(repositoryRoot(), 'kong', name), 'utf8');
    return text.replace(LISTENER, () => `unix:${listenerSocket}:`);
  };
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${name}_temp;`,
  );
  return `
${process.getuid?.() === 0 ? 'user root;' : ''}
load_module ${root}/usr/lib/nginx/modules/ndk_http_module.so;
load_module ${root}/usr/lib/nginx/modules/ngx_http_lua_module.so;
daemon off; worker_processes 1; pid nginx.pid; error_log error.log info;
events { worker_connections 512; }
http {
  access_log off;
  client_max_body_size 0;
  large_client_header_buffers 4 32k;
  ${temporary.join(' ')}
  lua_package_path "${folder}/?.lua;${root}/usr/share/lua/5.1/?.lua;;";
  lua_package_cpath "${root}/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;;";
  server {
    listen 127.0.0.1:${port};
    server_tokens off;
    error_page 400 404 405 408 411 412 413 414 417 /kong_error_handler;
    error_page 494 =494 /kong_error_handler;
    error_page 500 502 503 504 /kong_error_handler;
    location / {
      set $ctx_ref "";
      set $upstream "";
      rewrite_by_lua_block {
        local ctx = ngx.ctx
        ctx.service = { name = "orders", protocol = "http", host = "127.0.0.1", port = ${upstreamPort} }
        ctx.route = { name = "by-path" }
        ctx.authenticated_consumer = { username = "alice" }
        ctx.kafka_failover = ngx.var.http_x_mark
        require("kong.resty.ctx").stash_ref()
        ngx.var.upstream = ngx.var.http_x_upstream or "127.0.0.1:${upstreamPort}"
      }
      proxy_http_version 1.1;
      proxy_read_timeout ${readTimeoutMs}ms;
      proxy_pass http://$upstream;
      ${include('failover-location.conf')}
    }
    ${include('failover-proxy.conf')}
    location = /kong_error_handler {
      internal;
      content_by_lua_block {
        require("kong.resty.ctx").apply_ref()
        local service = ngx.ctx.service or {}
        ngx.header["content-type"] = "application/json"
        ngx.say('{"message":"error ', ngx.status, ' of ', tostring(service.name), '"}')
      }
    }
  }
}
`;
}

/** The examples of how to run the plugin server fit the program, each other, and Kong's settings. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { parse } from 'yaml';
import { PLUGINS, socketName } from '../../common/plugins';
import type { ServingState } from '../../pluginserver/status';
import { settingOf } from '../support/kong-settings';
import { SHIPPED_NODE_FLAGS } from '../../bench/load/shipped';
import { parseConsumerConfig } from '../../plugins/custom_kafka_consumer/config';
import { temporaryFolder } from '../pluginserver/support/serving';
import { assignments, externalSettings, nodeFlags, served } from '../support/start-command';

const ROOT = join(__dirname, '..', '..', '..');
const UNIT = 'examples/systemd/kong-kafka-request-reply@.service';
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const kong = externalSettings();
const unit = assignments(read(UNIT));
const environment = assignments(read('examples/systemd/kong-kafka-request-reply.env'));

/** Of a consumer that names none. */
const DEFAULT_WAIT_MS = parseConsumerConfig({}).timeout;

const seconds = (text: string | undefined): number => Number(text?.replace(/s$/, ''));

describe('the systemd unit', () => {
  it('starts the program with flags it has, and stops it after its drain', () => {
    const words = (unit.get('ExecStart') ?? '')
      .replaceAll('%i', '8900')
      .replace('$KONG_KAFKA_OPTIONS', environment.get('KONG_KAFKA_OPTIONS') ?? '')
      .split(/\s+/);
    const options = served(words);
    assert.equal(options.statusPort, 8900);
    assert.equal(options.managed, false);
    assert.ok(seconds(unit.get('TimeoutStopSec')) * 1000 > options.drainTimeoutMs + 15_000 + 65_000);
    assert.ok(Number(unit.get('LimitNOFILE')) > options.limits.maxOpenEvents);
  });

  // It asked /ready, which is 503 while Kafka is away and Kong asks: the unit was killed and started once a minute.
  it('counts as started when it serves, with Kafka or without', () => {
    const serving: ServingState = 'serving';
    assert.ok(unit.get('ExecStartPost')?.includes(`/live | grep --quiet ${serving}`));
  });

  it('keeps the folder of the sockets for the process that takes over', () => {
    assert.equal(
      `/run/${unit.get('RuntimeDirectory')}/${socketName(PLUGINS[0])}`,
      kong.get(settingOf(PLUGINS[0], 'SOCKET')),
    );
    assert.equal(unit.get('RuntimeDirectoryPreserve'), 'yes');
  });

  // Node compiles JavaScript to machine code: it does not even start.
  it('does not forbid memory that is written and executed', () => {
    assert.equal(unit.get('MemoryDenyWriteExecute'), undefined);
  });

  it('has an environment of names that are read', () => {
    const main = read('pluginserver/main.ts');
    for (const name of environment.keys()) {
      const isKnown =
        name === 'KONG_KAFKA_OPTIONS' || name.startsWith('NODE_') || main.includes(`env.${name}`);
      assert.ok(isKnown, name);
    }
  });

  describe('in the eyes of systemd', () => {
    const analyze = (t: TestContext, ...args: string[]) => {
      const path = join(temporaryFolder(t), 'kong-kafka-request-reply@8900.service');
      // Whether the program is installed is looked at, too.
      writeFileSync(path, read(UNIT).replace('/usr/local/bin/node', '/bin/sh'));
      return spawnSync('systemd-analyze', [...args, path], { encoding: 'utf8' });
    };
    const skip = spawnSync('systemd-analyze', ['--version']).status !== 0 && 'no systemd here';

    it('makes sense', { skip }, (t) => {
      const { status, stderr } = analyze(t, 'verify');
      assert.deepEqual([status, stderr], [0, '']);
    });

    // 0 is nothing, 10 everything that a service may do. What is left is the network, its sockets and compiled code.
    it('may do little', { skip }, (t) => {
      const { status, stdout } = analyze(t, 'security', '--offline=true', '--threshold=20', '--no-pager');
      assert.equal(status, 0, stdout);
    });
  });
});

interface Container {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly command?: readonly string[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly [probe: string]: unknown;
}

describe('the Kubernetes deployment', () => {
  const { spec } = (
    parse(read('examples/kubernetes/kong-with-plugin-server.yaml'), { merge: true }) as {
      spec: {
        template: {
          spec: {
            terminationGracePeriodSeconds: number;
            initContainers: Container[];
            containers: Container[];
            volumes: { name: string }[];
          };
        };
      };
    }
  ).spec.template;
  const [server] = spec.initContainers as [Container];
  const [gateway] = spec.containers as [Container];

  it('starts the program with flags it has, as a sidecar whose drain fits into the grace period', () => {
    const options = served(server.command ?? []);
    assert.equal(server.restartPolicy, 'Always');
    assert.equal(options.statusHost, '0.0.0.0');
    const preStop = JSON.stringify(gateway.lifecycle);
    const kongSeconds =
      Number(/sleep (\d+)/.exec(preStop)?.[1]) + Number(/--timeout (\d+)/.exec(preStop)?.[1]);
    assert.ok(spec.terminationGracePeriodSeconds * 1000 > kongSeconds * 1000 + options.drainTimeoutMs);
  });

  // A process that drains is not alive in the eyes of the probe.
  it('lets a drain end before the liveness probe has the process killed', () => {
    const { drainTimeoutMs } = served(server.command ?? []);
    const { periodSeconds, failureThreshold } = server.livenessProbe as Record<string, number>;
    assert.ok((failureThreshold! - 1) * periodSeconds! * 1000 > drainTimeoutMs + 15_000);
  });

  it('asks what does not depend on Kafka', () => {
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
      const { httpGet } = server[probe] as { httpGet: { path: string; port: string } };
      // With /ready an outage of Kafka took every pod out of the service.
      assert.equal(httpGet.path, '/live');
      assert.equal(httpGet.port, 'plugin-status');
    }
  });

  it('shares the folders of sockets and of bodies', () => {
    const mounts = new Map(gateway.volumeMounts.map(({ name, mountPath }) => [name, mountPath]));
    for (const { name, mountPath } of server.volumeMounts) assert.equal(mounts.get(name), mountPath);
    assert.deepEqual([...server.volumeMounts.map(({ name }) => name)], ['sockets', 'bodies']);
    const volumes = spec.volumes.map(({ name }) => name);
    for (const name of mounts.keys()) assert.ok(volumes.includes(name), name);
  });
});

describe('the Compose file', () => {
  it('starts the program with flags it has, and waits for its drain', () => {
    const { services } = parse(read('docker-compose.yml')) as {
      services: Record<string, { command: string[]; stop_grace_period: string }>;
    };
    const service = services['plugin-server'];
    const options = served(service?.command ?? []);
    assert.ok(seconds(service?.stop_grace_period) * 1000 > options.drainTimeoutMs);
  });

  // SIGTERM, which Compose sends where nobody says otherwise, cut the connections of all clients that waited.
  it('stops Kong with the signal that lets waiting requests finish, and in time', () => {
    const { services } = parse(read('docker-compose.yml')) as {
      services: Record<string, { stop_signal: string; stop_grace_period: string }>;
    };
    const { stop_signal, stop_grace_period } = services.kong!;
    assert.equal(stop_signal, 'SIGQUIT');
    const timeouts = [...read('kong/kong.yml').matchAll(/^ +timeout: (\d+)/gm)].map(([, ms]) => Number(ms));
    assert.ok(timeouts.length > 0);
    assert.ok(seconds(stop_grace_period) * 1000 > Math.max(...timeouts, DEFAULT_WAIT_MS));
  });
});

describe('every start command', () => {
  const { services } = parse(read('docker-compose.yml')) as {
    services: Record<string, { command: string[] }>;
  };
  const [sidecar] = (
    parse(read('examples/kubernetes/kong-with-plugin-server.yaml'), { merge: true }) as {
      spec: { template: { spec: { initContainers: Container[] } } };
    }
  ).spec.template.spec.initContainers;
  const line = (path: string, pattern: RegExp) =>
    (pattern.exec(read(path))?.[0] ?? assert.fail(path)).replaceAll('"', '').split(/\s+|=(?=\/)/);
  const commands: Record<string, readonly string[]> = {
    [UNIT]: (unit.get('ExecStart') ?? '').split(/\s+/),
    'docker-compose.yml': services['plugin-server']?.command ?? [],
    'examples/kubernetes': sidecar?.command ?? [],
    'kong/kong-managed.env': line('kong/kong-managed.env', /PRODUCER_START_CMD=.*--managed/),
    'kong/kong-external.env': line('kong/kong-external.env', /#   node .*main\.js/),
    'kong/one-container.sh': line('kong/one-container.sh', /^ +node .*main\.js/m),
    'docs/install.md': line('docs/install.md', /^ *node .*main\.js/m),
    'docs/upgrade.md': line('docs/upgrade.md', /^ *node .*main\.js/m),
  };
  for (const [path, command] of Object.entries(commands)) {
    it(`gives young objects the same room: ${path}`, () => {
      assert.deepEqual(nodeFlags(command), SHIPPED_NODE_FLAGS);
    });
  }

  it('has flags that this node knows', () => {
    const { status, stderr } = spawnSync(process.execPath, [...SHIPPED_NODE_FLAGS, '-e', '0'], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stderr], [0, '']);
  });
});

/** Kong before 3.8 forwards the request when the plugin server is gone, to whatever service the route has. */
/** `.invalid` leads nowhere by RFC 6761: for streams, which need a service that nothing may ever reach. */
describe('a route with the plugins has no service, one that leads nowhere, or request-termination,', () => {
  interface Route {
    readonly name: string;
    readonly service?: unknown;
    readonly plugins?: readonly { readonly name: string }[];
  }
  interface Config {
    readonly routes?: readonly Route[];
    readonly services?: readonly { readonly url?: string; readonly routes?: readonly Route[] }[];
  }
  const leadsNowhere = (url = '') => new URL(url).hostname.endsWith('.invalid');
  const documents = new Map<string, Config[]>([['kong/kong.yml', [parse(read('kong/kong.yml')) as Config]]]);
  for (const path of ['README.md', 'docs/examples.md', 'docs/request-reply.md', 'docs/tutorial.md']) {
    const blocks = [...read(path).matchAll(/^(_format_version[^]*?)^(?:```|END$)/gm)];
    documents.set(
      path,
      blocks.map(([, text]) => parse(text ?? '') as Config),
    );
  }
  for (const [path, configs] of documents) {
    it(`in ${path}`, () => {
      for (const { routes = [], services = [] } of configs) {
        const forwarding = [
          ...routes.filter((route) => route.service !== undefined),
          ...services.flatMap(({ url, routes: own = [] }) => (leadsNowhere(url) ? [] : own)),
        ];
        for (const { name, plugins = [] } of forwarding) {
          const names = plugins.map((plugin) => plugin.name);
          if (!names.some((plugin) => plugin.startsWith('custom_kafka'))) continue;
          assert.ok(names.includes('request-termination'), `${path}: ${name}`);
        }
      }
    });
  }

  it('in every place where there are such configurations', () => {
    for (const path of documents.keys()) {
      assert.notEqual(documents.get(path)?.length, 0, path);
    }
  });
});

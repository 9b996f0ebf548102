/** Values for Kong's Helm chart, patches for its Ingress Controller, and the DaemonSet fit the program, the image and each other. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { PLUGINS } from '../../common/plugins';
import { parseRequestReplyConfig } from '../../plugins/custom_kafka_request_reply/config';
import { temporaryFolder } from '../pluginserver/support/serving';
import { externalSettings, served } from '../support/start-command';

const ROOT = join(__dirname, '..', '..', '..');
const FOLDER = join(ROOT, 'examples', 'kubernetes');
const read = (path: string): string => readFileSync(join(FOLDER, path), 'utf8');

interface Container {
  readonly name: string;
  readonly image?: string;
  readonly restartPolicy?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly lifecycle?: unknown;
  readonly [member: string]: unknown;
}
interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly [kind: string]: unknown }[];
}
interface Values {
  readonly env: Readonly<Record<string, string>>;
  readonly deployment: {
    readonly initContainers: readonly Container[];
    readonly userDefinedVolumes: Pod['volumes'];
    readonly userDefinedVolumeMounts: NonNullable<Container['volumeMounts']>;
  };
  readonly lifecycle: unknown;
  readonly terminationGracePeriodSeconds: number;
}

const values = (path: string): Values => parse(read(path)) as Values;
const workload = (path: string): Pod =>
  (parse(read(path)) as { spec: { template: { spec: Pod } } }).spec.template.spec;

/** What Kong's chart makes of its values, as far as it concerns us. */
function podOf({ env, deployment, lifecycle, terminationGracePeriodSeconds }: Values): Pod {
  const proxy: Container = {
    name: 'proxy',
    env: [
      ...Object.entries(env).map(([name, value]) => ({ name: `KONG_${name.toUpperCase()}`, value })),
      { name: 'KONG_PREFIX', value: '/kong_prefix' },
    ],
    lifecycle,
    volumeMounts: deployment.userDefinedVolumeMounts,
    // Of the chart's own values.
    securityContext: { runAsUser: 1000 },
  };
  return {
    terminationGracePeriodSeconds,
    initContainers: deployment.initContainers,
    containers: [proxy],
    volumes: deployment.userDefinedVolumes,
  };
}

const daemonSet = workload('plugin-server-daemonset.yaml');

/** The pod of Kong, and that of the plugin server, which may be the same one. */
const FORMS: readonly { readonly path: string; readonly kong: Pod; readonly server: Pod }[] = [
  ...['helm/sidecar.yaml', 'helm/node.yaml'].map((path) => ({ path, kong: podOf(values(path)) })),
  ...['ingress-controller/sidecar-patch.yaml', 'ingress-controller/node-patch.yaml'].map((path) => ({
    path,
    kong: workload(path),
  })),
].map((form) => ({ ...form, server: form.path.includes('node') ? daemonSet : form.kong }));

const named = (containers: readonly Container[], name: string): Container =>
  containers.find((container) => container.name === name) ?? assert.fail(name);
const serverOf = (pod: Pod): Container => named([...pod.initContainers, ...pod.containers], 'plugin-server');
const mount = (container: Container, volume: string) =>
  container.volumeMounts?.find(({ name }) => name === volume);
const environment = (container: Container) => new Map(container.env?.map(({ name, value }) => [name, value]));

/** As the image starts it: ENTRYPOINT of Dockerfile.pluginserver. */
function commandOf(server: Container): string[] {
  assert.equal(server.command, undefined);
  const [, entrypoint = ''] =
    /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync(join(ROOT, 'Dockerfile.pluginserver'), 'utf8')) ?? [];
  return [...(JSON.parse(entrypoint) as string[]), ...(server.args ?? [])];
}

for (const { path, kong, server } of FORMS) {
  describe(path, () => {
    const proxy = named(kong.containers, 'proxy');

    it('has the settings of kong/kong-external.env', () => {
      const found = environment(proxy);
      for (const [name, value] of externalSettings()) assert.equal(found.get(name), value, name);
    });

    it('starts the program with flags it has, for probes of another address', () => {
      assert.equal(served(commandOf(serverOf(server))).statusHost, '0.0.0.0');
    });

    it('shares the sockets, and the bodies where they may be files', () => {
      const paths = [proxy, serverOf(server)].map((one) => mount(one, 'plugin-sockets')?.mountPath);
      assert.deepEqual(paths, ['/run/kong-kafka', '/run/kong-kafka']);
      const bodies = [proxy, serverOf(server)].map((one) => mount(one, 'request-bodies')?.mountPath);
      const found = environment(proxy);
      if (kong === server) {
        const folder = `${found.get('KONG_PREFIX')}/client_body_temp`;
        assert.deepEqual(bodies, [folder, folder]);
      } else {
        assert.deepEqual(bodies, [undefined, undefined]);
        assert.equal(found.get('KONG_NGINX_HTTP_CLIENT_BODY_BUFFER_SIZE'), '1m');
      }
    });

    it('gives Kong the dumps of the version that serves it, where its settings say', () => {
      const dumps = named(kong.initContainers, 'plugin-dumps');
      assert.equal(dumps.image, serverOf(server).image);
      assert.deepEqual(dumps.command?.slice(-2), ['/opt/kong-kafka-request-reply/kong/.', '/dumps']);
      assert.equal(mount(dumps, 'plugin-dumps')?.mountPath, '/dumps');
      const folder = mount(proxy, 'plugin-dumps')?.mountPath;
      const commands = [...environment(proxy)].filter(([name]) => name.endsWith('_QUERY_CMD'));
      assert.equal(commands.length, PLUGINS.length);
      for (const [, command] of commands) assert.ok(command?.startsWith(`cat ${folder}/`), command);
    });

    it('mounts nothing that is not there', () => {
      for (const pod of [kong, server]) {
        const volumes = pod.volumes.map(({ name }) => name);
        for (const { name, volumeMounts = [] } of [...pod.initContainers, ...pod.containers])
          for (const wanted of volumeMounts)
            assert.ok(volumes.includes(wanted.name), `${name}: ${wanted.name}`);
      }
    });

    it('has one user for both, not root, who can write to nothing but the sockets', () => {
      const { securityContext, volumeMounts = [] } = serverOf(server);
      assert.equal(securityContext?.runAsUser, 1000);
      assert.equal(proxy.securityContext?.runAsUser, securityContext.runAsUser);
      assert.equal(securityContext.runAsNonRoot, true);
      assert.equal(securityContext.readOnlyRootFilesystem, true);
      assert.deepEqual(securityContext.capabilities, { drop: ['ALL'] });
      const writable = volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ name }) => name);
      assert.deepEqual(writable, ['plugin-sockets']);
    });

    it('lets Kong end, and then the plugin server drain, before anybody is killed', () => {
      const { drainTimeoutMs } = served(commandOf(serverOf(server)));
      const [, wait, timeout] = /--wait=(\d+)","--timeout=(\d+)/.exec(JSON.stringify(proxy.lifecycle)) ?? [];
      const kongMs = (Number(wait) + Number(timeout)) * 1000;
      const graceMs = (pod: Pod) => pod.terminationGracePeriodSeconds * 1000;
      if (kong === server) assert.ok(graceMs(kong) > kongMs + drainTimeoutMs);
      else assert.ok(graceMs(kong) > kongMs && graceMs(server) > drainTimeoutMs + 15_000 + 65_000);
    });

    // It is killed by this probe when the kubelet goes on asking, as it does where another process has the sockets.
    it('asks whether the process lives, not whether Kafka does, and lets a drain end', () => {
      const container = serverOf(server);
      const { drainTimeoutMs } = served(commandOf(container));
      for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
        const { httpGet } = container[probe] as { httpGet: { path: string; port: string } };
        assert.deepEqual(httpGet, { path: '/live', port: 'plugin-status' });
      }
      const { periodSeconds, failureThreshold } = container.livenessProbe as Record<string, number>;
      assert.ok((failureThreshold! - 1) * periodSeconds! * 1000 > drainTimeoutMs + 15_000);
    });
  });
}

it('the images are of the version of the package', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  for (const path of [
    ...FORMS.map((form) => form.path),
    'plugin-server-daemonset.yaml',
    'kong-with-plugin-server.yaml',
  ]) {
    const images = [...read(path).matchAll(/registry\.example\.com\/[\w-]+:(\S+)/g)].map(([, tag]) => tag);
    assert.ok(images.length > 0, path);
    for (const tag of images) assert.equal(tag, version, path);
  }
});

describe('the DaemonSet', () => {
  const { spec } = parse(read('plugin-server-daemonset.yaml')) as {
    spec: { minReadySeconds: number; updateStrategy: { rollingUpdate: Record<string, number> } };
  };

  it('starts the new one beside the old one, which loses no request', () => {
    assert.deepEqual(spec.updateStrategy.rollingUpdate, { maxSurge: 1, maxUnavailable: 0 });
    assert.ok(spec.minReadySeconds > 2);
  });

  it('may as root do one thing', () => {
    const [folder, ...others] = daemonSet.initContainers;
    assert.deepEqual(others, []);
    assert.deepEqual(folder?.command, ['chown', '1000:1000', '/run/kong-kafka']);
    assert.deepEqual(folder?.securityContext?.capabilities, { drop: ['ALL'], add: ['CHOWN'] });
  });

  it('has the folder of the node that its Kongs have', () => {
    const folder = (pod: Pod) => pod.volumes.find(({ name }) => name === 'plugin-sockets');
    for (const { path, kong, server } of FORMS)
      if (kong !== server) assert.deepEqual(folder(kong), folder(server), path);
  });

  it('names the gateway by its node, as the pods of each upgrade have other names', () => {
    const found = JSON.stringify(serverOf(daemonSet).env);
    assert.match(found, /"KONG_KAFKA_NODE_ID".*"spec\.nodeName"/);
  });
});

describe('the routes and plugins', () => {
  interface Entity {
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
    readonly plugin?: string;
    readonly config?: unknown;
  }
  const entities = parseAllDocuments(read('kong-plugins.yaml')).map((document) => document.toJS() as Entity);
  const plugins = new Map(
    entities.filter(({ kind }) => kind === 'KongPlugin').map((entity) => [entity.metadata.name, entity]),
  );

  it('have configurations that the plugin takes', () => {
    const ours = [...plugins.values()].filter(({ plugin }) => plugin === 'custom_kafka_request_reply');
    assert.equal(ours.length, 1);
    for (const { config } of ours) parseRequestReplyConfig(config);
  });

  it('name plugins that are there', () => {
    const routes = entities.filter(({ kind }) => ['HTTPRoute', 'Ingress'].includes(kind));
    assert.equal(routes.length, 2);
    for (const { metadata } of routes)
      for (const name of metadata.annotations?.['konghq.com/plugins']?.split(',') ?? [])
        assert.ok(plugins.has(name), name);
  });

  // Kong before 3.8 forwards the request when the plugin server is gone.
  it('forward to nobody', () => {
    const text = (kind: string) => JSON.stringify(entities.find((entity) => entity.kind === kind));
    assert.doesNotMatch(text('HTTPRoute'), /backendRefs/);
    assert.match(text('Ingress'), /never-forward/);
    assert.equal(plugins.get('never-forward')?.plugin, 'request-termination');
  });
});

const isThere = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;

function output(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}

function written(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder(t);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

describe('kubectl', { skip: !isThere('kubectl', 'version', '--client') && 'no kubectl here' }, () => {
  /** As much of the Ingress Controller's Deployment as a patch meets. */
  const PROXY_KONG = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: proxy-kong, namespace: kong }
spec:
  selector: { matchLabels: { app: proxy-kong } }
  template:
    metadata: { labels: { app: proxy-kong } }
    spec:
      containers:
        - name: proxy
          image: kong:3.9
          env: [{ name: KONG_PROXY_LISTEN, value: 0.0.0.0:8000 }, { name: KONG_DATABASE, value: 'off' }]
          lifecycle: { preStop: { exec: { command: [/bin/bash, -c, kong quit] } } }
`;

  for (const { path, kong } of FORMS.filter((form) => form.path.startsWith('ingress-controller/'))) {
    it(`adds ${path} to what is there, and leaves that`, (t) => {
      const folder = written(t, { 'proxy-kong.yaml': PROXY_KONG });
      const args = ['patch', '--local', '--type=strategic', '-o', 'yaml'];
      const files = ['-f', join(folder, 'proxy-kong.yaml'), '--patch-file', join(FOLDER, path)];
      const patched = (parse(output('kubectl', ...args, ...files)) as { spec: { template: { spec: Pod } } })
        .spec.template.spec;
      const proxy = named(patched.containers, 'proxy');
      assert.deepEqual([patched.containers.length, proxy.image], [1, 'kong:3.9']);
      const found = environment(proxy);
      assert.equal(found.get('KONG_PROXY_LISTEN'), '0.0.0.0:8000');
      for (const [name, value] of environment(named(kong.containers, 'proxy')))
        assert.equal(found.get(name), value);
      assert.deepEqual(proxy.lifecycle, named(kong.containers, 'proxy').lifecycle);
      assert.deepEqual(
        patched.initContainers.map(({ name }) => name),
        kong.initContainers.map(({ name }) => name),
      );
    });
  }
});

const HELM = process.env.HELM ?? 'helm';

describe('helm', { skip: !isThere(HELM, 'version') && 'no helm here; HELM=<path> names one' }, () => {
  /** Kong's chart takes these values in this way. It is not ours to keep here, so this one has nothing else of it. */
  const CHART = {
    'Chart.yaml': 'apiVersion: v2\nname: kong\nversion: 0.0.0\nicon: https://example.com/kong.svg\n',
    'templates/deployment.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  selector:
    matchLabels: { app: kong }
  template:
    metadata:
      labels: { app: kong }
    spec:
      terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
      initContainers:
        {{- tpl (toYaml .Values.deployment.initContainers) . | nindent 8 }}
      containers:
        - name: proxy
          image: {{ .Values.image.repository }}:{{ .Values.image.tag }}
          securityContext: { runAsUser: 1000 }
          env:
            {{- range $name, $value := .Values.env }}
            - name: KONG_{{ upper $name }}
              value: {{ $value | quote }}
            {{- end }}
            - name: KONG_PREFIX
              value: /kong_prefix
          lifecycle:
            {{- toYaml .Values.lifecycle | nindent 12 }}
          volumeMounts:
            {{- toYaml .Values.deployment.userDefinedVolumeMounts | nindent 12 }}
      volumes:
        {{- toYaml .Values.deployment.userDefinedVolumes | nindent 8 }}
`,
  };

  for (const { path, kong } of FORMS.filter((form) => form.path.startsWith('helm/'))) {
    it(`makes of ${path} the pod that was looked at above`, (t) => {
      const folder = written(t, CHART);
      assert.match(output(HELM, 'lint', '--strict', folder, '-f', join(FOLDER, path)), /0 chart\(s\) failed/);
      const rendered = parse(output(HELM, 'template', 'kong', folder, '-f', join(FOLDER, path))) as {
        spec: { template: { spec: Pod } };
      };
      const { containers, ...pod } = rendered.spec.template.spec;
      const { env, image, ...proxy } = containers[0]!;
      const { containers: expected, ...others } = kong;
      const { env: expectedEnv, ...expectedProxy } = expected[0]!;
      assert.deepEqual(pod, others);
      assert.deepEqual(proxy, expectedProxy);
      assert.equal(image, 'kong:3.9');
      assert.deepEqual(
        new Map(env?.map((one) => [one.name, one.value])),
        environment({ name: '', env: expectedEnv! }),
      );
    });
  }
});

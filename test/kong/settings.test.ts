/** The dumps and settings that are shipped for Kong, against what was seen to go wrong in a real one. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { dumpName, PLUGINS, socketName } from '../../common/plugins';
import { settingOf } from '../support/kong-settings';

const ROOT = join(__dirname, '..', '..', '..');
const FOLDER = join(ROOT, 'kong');
const DUMPS = PLUGINS.map((plugin) => dumpName(plugin));
const SETTINGS = ['kong-external.env', 'kong-managed.env'];

interface Dump {
  readonly Protocol: string;
  readonly Plugins: { readonly Name: string; readonly Phases: string[]; readonly Schema: object }[];
}

const dump = (file: string): Dump => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Dump;

function settings(file: string): Map<string, string> {
  const lines = readFileSync(join(FOLDER, file), 'utf8').split('\n');
  const pairs = lines.map((line) => /^(KONG_\w+)=(.*)$/.exec(line)).filter((match) => match !== null);
  return new Map(pairs.map(([, name, value]) => [name!, value!]));
}

/** Of every setting, also of one that is only suggested, the comment above it as one line. */
function comments(path: string): Map<string, string> {
  const found = new Map<string, string>();
  let comment: string[] = [];
  for (const line of readFileSync(join(ROOT, path), 'utf8').split('\n')) {
    const [, name] = /^\s*#?(?:- \{ name: )?(KONG_[A-Z0-9_]+)(?:=|: |, value)/.exec(line) ?? [];
    if (name !== undefined) found.set(name, comment.join(' '));
    const [, text] = /^\s*# ?(.*)$/.exec(line) ?? [];
    comment = text === undefined || name !== undefined ? [] : [...comment, text];
  }
  return found;
}

/** What somebody may take over as it is. */
function shippedFiles(): string[] {
  const examples = readdirSync(join(ROOT, 'examples'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1));
  const kong = readdirSync(FOLDER).map((name) => `kong/${name}`);
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  return ['docker-compose.yml', 'Dockerfile.kong', 'README.md', ...kong, ...examples, ...docs];
}

function descriptionsIn(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([name, member]) =>
    name === 'description' && typeof member === 'string' ? [member] : descriptionsIn(member),
  );
}

describe('the dumps', () => {
  for (const file of DUMPS) {
    // Without a protocol, or with a typo in it, Kong falls back to MsgPack:1, which lets requests pass when the server
    // fails. Of several plugins it takes the first.
    it(`${file} names ProtoBuf:1 and one plugin`, () => {
      const { Protocol, Plugins } = dump(file);
      assert.equal(Protocol, 'ProtoBuf:1');
      assert.deepEqual(
        Plugins.map(({ Name }) => `${Name}.json`),
        [file],
      );
    });

    // With a log phase, requests in flight at a change of configuration made Kong start the old instance again and close
    // the new one, in turns; and every request cost a second connection.
    it(`${file} has the phase it needs and no other`, () => {
      assert.deepEqual(dump(file).Plugins[0]?.Phases, [file === 'custom_kafka_log.json' ? 'log' : 'access']);
    });

    // Kong does not start with a shorter or longer one.
    it(`${file} describes every field in 10 to 500 characters`, () => {
      const descriptions = descriptionsIn(dump(file).Plugins[0]?.Schema);
      assert.ok(descriptions.length > 10);
      for (const text of descriptions) assert.ok(text.length >= 10 && text.length <= 500, text);
    });
  }
});

it('the second dump of custom_kafka_failover is the first one with a log phase', () => {
  const [plugin] = dump('custom_kafka_failover.json').Plugins;
  const withLog = dump('custom_kafka_failover.with-log.json');
  assert.deepEqual(withLog.Plugins, [{ ...plugin, Phases: ['access', 'log'] }]);
});

describe('the settings', () => {
  for (const file of SETTINGS) {
    // On one socket path the client of one plugin got the answer of the other: body, request id and status 200.
    it(`${file} has a socket of its own for each plugin`, () => {
      const names = [...settings(file)].filter(([name]) => name.endsWith('_SOCKET'));
      assert.equal(names.length, PLUGINS.length);
      assert.equal(new Set(names.map(([, path]) => path)).size, PLUGINS.length);
    });

    it(`${file} knows every plugin of the list, and its server has the socket that Kong connects to`, () => {
      const found = settings(file);
      assert.deepEqual(found.get('KONG_PLUGINS')?.split(','), [
        'bundled',
        ...PLUGINS.map(({ name }) => name),
      ]);
      assert.deepEqual(
        found.get('KONG_PLUGINSERVER_NAMES')?.split(','),
        PLUGINS.map(({ entry }) => entry),
      );
      for (const plugin of PLUGINS) {
        assert.equal(found.get(settingOf(plugin, 'SOCKET')), `/run/kong-kafka/${socketName(plugin)}`);
        assert.match(found.get(settingOf(plugin, 'QUERY_CMD')) ?? '', new RegExp(`/${dumpName(plugin)}$`));
      }
    });

    // Both files once had lua_check_client_abort on. The next reader shall not have the same good idea.
    it(`${file} says why Kong does not look out for clients that leave`, () => {
      assert.match(readFileSync(join(FOLDER, file), 'utf8'), /NOT here: lua_check_client_abort\./);
    });
  }

  // With it on, clients that left at the wrong moment made Kong's workers crash: 29 times in five restarts of the plugin
  // server, and each time every request of that worker was cut.
  it('leave lua_check_client_abort off, and so does everything else that is shipped', () => {
    const files = shippedFiles();
    for (const path of ['kong/kong-managed.env', 'examples/kubernetes/kong-with-plugin-server.yaml']) {
      assert.ok(files.includes(path), path);
    }
    for (const path of files) {
      const text = readFileSync(join(ROOT, path), 'utf8');
      assert.doesNotMatch(text, /lua_check_client_abort['"]?\s*[=:, ]\s*(?:value:\s*)?['"]?on\b/i, path);
    }
  });

  // That setting had been there for its use, and nobody had asked what it can break.
  for (const path of [
    ...SETTINGS.map((file) => `kong/${file}`),
    'docker-compose.yml',
    'examples/kubernetes/kong-with-plugin-server.yaml',
  ]) {
    it(`say what is Kong's default, why it is not used, and what that can break, in ${path}`, () => {
      const found = comments(path);
      assert.ok(found.size >= 3);
      for (const [name, comment] of found) {
        for (const part of ['Default', 'Why: ', 'Risk: '])
          assert.ok(comment.includes(part), `${name}: ${part}`);
      }
    });
  }

  // Kong 3.4 never runs a plugin whose entry has no start command.
  it('kong-managed.env starts one server, and holds every other entry', () => {
    const found = settings('kong-managed.env');
    const commands = PLUGINS.map((plugin) => found.get(settingOf(plugin, 'START_CMD')) ?? '');
    assert.equal(commands.filter((command) => / --socket-dir \/run\/kong-kafka /.test(command)).length, 1);
    assert.equal(commands.filter((command) => command.endsWith('/main.js hold')).length, PLUGINS.length - 1);
  });

  // The includes were left out of the image, and the Kong of the Compose file would not have started.
  it('name no file of ours that does not get into the image', () => {
    const admitted = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!kong/'))
      .map((line) => new RegExp(`^${line.slice(1).replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`));
    const files = [...SETTINGS.map((file) => `kong/${file}`), 'docker-compose.yml'].flatMap((path) =>
      [
        ...readFileSync(join(ROOT, path), 'utf8').matchAll(
          /\/opt\/kong-kafka-request-reply\/(kong\/[\w.-]+)/g,
        ),
      ].map(([, file = '']) => file),
    );
    assert.ok(files.length > PLUGINS.length);
    for (const file of new Set(files)) {
      readFileSync(join(ROOT, file));
      assert.ok(
        admitted.some((pattern) => pattern.test(file)),
        file,
      );
    }
  });

  // Three of the five were missing, and Kong 3.4 would never have run their plugins.
  it('kong-external.env suggests a command that holds for every entry, for Kong 3.4', () => {
    const text = readFileSync(join(FOLDER, 'kong-external.env'), 'utf8');
    for (const plugin of PLUGINS)
      assert.match(text, new RegExp(`^#${settingOf(plugin, 'START_CMD')}=.*/main\\.js hold$`, 'm'));
  });

  // A managed server makes `GET /` of the Admin API a 500 in Kong 3.9.
  it('kong-external.env has nothing for Kong to start', () => {
    assert.ok([...settings('kong-external.env').keys()].every((name) => !name.endsWith('_START_CMD')));
  });
});

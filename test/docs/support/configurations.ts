/** Configurations of plugins as pages show them, in whichever form, checked as Kong and the plugins check them. */
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { dumpName, PLUGINS, type PluginName } from '../../../common/plugins';
import { parseDeclarative } from '../../../dev/gateway/declarative';
import { PluginCatalog } from '../../../dev/gateway/plugin-servers';
import { newKeyPair } from '../../support/key-pair';
import { PARSERS } from '../../support/plugin-parsers';
import { ROOT, type Block } from './pages';

interface Plugin {
  readonly name: string;
  readonly config?: object;
}

type Table = Readonly<Record<string, unknown>>;

const CATALOG = new PluginCatalog(
  PLUGINS.map((plugin) => ({
    name: plugin.entry,
    socketPath: '/not/used',
    dump: join(ROOT, 'kong', dumpName(plugin)),
  })),
);

const OWN = newKeyPair();
const REFERENCE = /\{vault:\/\/env\/([a-z0-9-]+)\}/g;

const SENDING = { bootstrap_servers: [{ host: 'kafka', port: 9092 }], topic: 'orders' };

/** What a page leaves out where it shows a few options only. */
const LEAST: Readonly<Record<PluginName, object>> = {
  custom_kafka_producer: SENDING,
  custom_kafka_consumer: {},
  custom_kafka_request_reply: { ...SENDING, reply_topic: 'orders.replies' },
  custom_kafka_log: SENDING,
  custom_kafka_failover: SENDING,
};

export interface Checked {
  /** Plugins of this package that the block configures. */
  readonly plugins: readonly string[];
}

/** @throws Error with what is wrong */
export function checkYaml(text: string): Checked {
  const shown = parseAllDocuments(text).map((document) => {
    const [problem] = document.errors;
    if (problem) throw problem;
    return document.toJS() as unknown;
  });
  return { plugins: shown.flatMap(checkShown) };
}

/** The bodies that a command sends to the Admin API. */
export function checkAdminApi(command: string): Checked {
  const bodies = [...command.matchAll(/-d '(\{[^]*?\})'(?:\s|$)/g)]
    .map(([, body = '']) => JSON.parse(body.replaceAll("'\\''", "'")) as unknown)
    .filter((body) => isTable(body) && 'config' in body);
  return { plugins: bodies.flatMap((body) => checkPlugins([body as Plugin])) };
}

export function hasAdminApi({ text }: Block): boolean {
  return /\/plugins\b/.test(text);
}

/** A whole file must be whole; of what shows a part, the rest is filled in. */
function checkShown(shown: unknown): string[] {
  if (Array.isArray(shown)) return checkPlugins(shown as Plugin[]);
  if (!isTable(shown)) throw new Error('neither a table nor a list');
  if ('_format_version' in shown) return checkFile(shown);
  if ('routes' in shown || 'services' in shown) return checkFile({ _format_version: '3.0', ...shown });
  if (shown.kind === 'KongPlugin') return checkPlugins([{ ...shown, name: String(shown.plugin) }]);
  if (Array.isArray(shown.plugins)) return checkPlugins(shown.plugins as Plugin[]);
  if ('name' in shown && 'config' in shown) return checkPlugins([shown as unknown as Plugin]);
  return checkOptions('config' in shown ? (shown.config as Table) : shown);
}

/** Of a page that shows Kong's own plugin beside ours, only those that are known here. */
function checkPlugins(plugins: readonly Plugin[]): string[] {
  const known = plugins.filter(({ name }) => CATALOG.rules.has(name));
  if (known.length === 0)
    throw new Error(`no plugin that is known: ${plugins.map(({ name }) => name).join(', ')}`);
  const complete = known.map(({ name, config }) => ({
    name,
    ...(name in LEAST ? { config: { ...LEAST[name as PluginName], ...config } } : config && { config }),
  }));
  return checkFile({
    _format_version: '3.0',
    routes: [{ name: 'shown', paths: ['/shown'], plugins: complete }],
  });
}

/** As Kong does, and then as the plugins do with what Kong hands over. */
function checkFile(file: Table): string[] {
  const environment = Object.fromEntries(
    [...JSON.stringify(file).matchAll(REFERENCE)].map(([, name = '']) => [variable(name), secret(name)]),
  );
  parseDeclarative(file, CATALOG.rules, environment);
  const ours = pluginsIn(file).filter(({ name }) => name in PARSERS);
  for (const { name, config = {} } of ours) PARSERS[name as PluginName](resolved(config));
  return ours.map(({ name }) => name);
}

/** A few options, with nothing to say whose they are: some plugin must take them. */
function checkOptions(options: Table): string[] {
  const refusals: string[] = [];
  for (const { name } of PLUGINS) {
    try {
      return checkPlugins([{ name, config: options }]);
    } catch (error) {
      refusals.push(`${name}: ${(error as Error).message}`);
    }
  }
  throw new Error(refusals.join('\n'));
}

function pluginsIn(node: unknown): Plugin[] {
  if (typeof node !== 'object' || node === null) return [];
  const { plugins, ...others } = node as { plugins?: Plugin[] };
  return [...(plugins ?? []), ...Object.values(others).flatMap(pluginsIn)];
}

function resolved(config: object): unknown {
  return JSON.parse(JSON.stringify(config), (_, value: unknown) => {
    const [reference, name = ''] = typeof value === 'string' ? ([...value.matchAll(REFERENCE)][0] ?? []) : [];
    return reference === undefined ? value : secret(name);
  });
}

const variable = (name: string): string => name.replaceAll('-', '_').toUpperCase();

function secret(name: string): string {
  if (/-(?:ca|certificate)$/.test(name)) return OWN.certificate;
  return name.endsWith('-key') ? OWN.key : 'a secret of more than sixteen characters';
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

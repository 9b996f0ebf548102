/** A configuration with plugins of Kong's, as one with ours: the rest of it stays as it is, with its comments. */
import type * as YamlModule from 'yaml';
import type { Document, YAMLMap } from 'yaml';
import { isTable, text, type Table } from '../kong-config/entities';
import { isMigrated, migratePlugin, withoutEqual, type Change } from './migrate-plugin';

export interface MigratedFile {
  /** YAML */
  readonly text: string;
  readonly plugins: readonly MigratedEntity[];
}

export interface MigratedEntity {
  readonly from: string;
  /** Undefined: it stays as it is, as it has no equal. */
  readonly to: string | undefined;
  /** For people: `route orders`. */
  readonly where: string;
  readonly changes: readonly Change[];
}

/** Loaded by who needs it. */
type Yaml = typeof YamlModule;

/** Wide enough for no line to be broken: breaks would show as changes. */
const LINE_WIDTH = 0;

/** @throws Error with a sentence for what is no configuration @param text YAML, or JSON of the Admin API */
export function migrateFile(yaml: Yaml, written: string): MigratedFile {
  const document = yaml.parseDocument(written, { logLevel: 'error' });
  const [error] = document.errors;
  // What follows the first line quotes the file, and that may be a password.
  if (error) throw new Error(`it is not YAML: ${error.message.split('\n', 1)[0]?.replace(/:$/, '')}`);
  const content = document.toJS({ maxAliasCount: 1000 }) as unknown;
  const asFile = pluginsFile(content);
  if (!asFile && !isConfiguration(content))
    throw new Error('it is no configuration of Kong, and no plugin of its Admin API');
  // Without aliases, which could lead into what is replaced.
  const target =
    asFile || hasAliases(yaml, document)
      ? new yaml.Document(asFile ?? content, { aliasDuplicateObjects: false })
      : document;
  const plugins = migrateIn(yaml, target);
  return { text: target.toString({ lineWidth: LINE_WIDTH }), plugins };
}

function hasAliases(yaml: Yaml, document: Document): boolean {
  let found = false;
  yaml.visit(document, { Alias: () => void (found = true) });
  return found;
}

const isConfiguration = (content: unknown): boolean =>
  isTable(content) && ['_format_version', 'services', 'routes', 'plugins'].some((name) => name in content);

/** Of the Admin API: one plugin, or a page of them. */
function pluginsFile(content: unknown): Table | undefined {
  if (isTable(content) && Array.isArray(content.data) && text(content.next) !== undefined)
    throw new Error('it is one page of several; ?size=1000 makes a page longer');
  const list = Array.isArray(content)
    ? content
    : isTable(content) && Array.isArray(content.data)
      ? content.data
      : [content];
  if (
    list.length === 0 ||
    !list.every((plugin) => isTable(plugin) && text(plugin.name) !== undefined && 'config' in plugin)
  )
    return undefined;
  return { _format_version: '3.0', plugins: (list as Table[]).map(withReferences) };
}

const OF_THE_ENTITY = ['id', 'created_at', 'updated_at'];
const SCOPES = ['route', 'service', 'consumer', 'consumer_group'] as const;
const isScope = (member: string): boolean => SCOPES.some((scope) => scope === member);

/** In a file an entity is named, and has no times. All else of it stays. */
function withReferences({ name, config, ...others }: Table): Table {
  const kept = Object.entries(others).flatMap(([member, value]) => {
    if (value === null || OF_THE_ENTITY.includes(member)) return [];
    const id = isScope(member) && isTable(value) ? text(value.id) : undefined;
    return [[member, id ?? value] as const];
  });
  return { name, ...Object.fromEntries(kept), config };
}

function migrateIn(yaml: Yaml, document: Document): MigratedEntity[] {
  const found: {
    readonly map: YAMLMap;
    readonly where: string | undefined;
    readonly isPerConsumer: boolean;
  }[] = [];
  const visit = (node: unknown, where: string | undefined, isPerConsumer: boolean): void => {
    if (!yaml.isMap(node)) return;
    for (const { key, value } of node.items) {
      const member = yaml.isScalar(key) ? String(key.value) : '';
      if (!yaml.isSeq(value)) continue;
      for (const item of value.items) {
        if (!yaml.isMap(item)) continue;
        if (member === 'plugins') found.push({ map: item, where, isPerConsumer });
        const kind = {
          services: 'service',
          routes: 'route',
          consumers: 'consumer',
          consumer_groups: 'consumer group',
        }[member];
        if (kind !== undefined)
          visit(item, `${kind} ${nameOf(item)}`, isPerConsumer || kind.startsWith('consumer'));
      }
    }
  };
  visit(document.contents, undefined, false);
  return found.flatMap(({ map, where: around, isPerConsumer }) => {
    const name = map.get('name');
    if (typeof name !== 'string') return [];
    const where = scopeOf(map.toJS(document) as Table, around);
    const why = withoutEqual(name);
    if (why !== undefined)
      return [
        {
          from: name,
          to: undefined,
          where,
          changes: [{ option: undefined, fate: 'refused' as const, words: why }],
        },
      ];
    return isMigrated(name) ? [migrateEntity(document, map, name, { where, isPerConsumer })] : [];
  });
}

function nameOf(entity: YAMLMap): string {
  const names = ['name', 'username', 'id'].map((member) => entity.get(member));
  return names.find((name) => typeof name === 'string') ?? '?';
}

function migrateEntity(
  document: Document,
  map: YAMLMap,
  name: string,
  { where, isPerConsumer }: { readonly where: string; readonly isPerConsumer: boolean },
): MigratedEntity {
  const entity = map.toJS(document) as Table;
  const migrated = migratePlugin(name, isTable(entity.config) ? entity.config : {});
  const stays = (words: string): MigratedEntity => ({
    from: name,
    to: undefined,
    where,
    changes: [{ option: undefined, fate: 'refused', words }],
  });
  // decK merges it into `config`, and other plugins may share it.
  if (entity._config !== undefined) return stays('_config: its options are in _plugin_configs; write them into the plugin first'); // prettier-ignore
  if (
    migrated.name === 'custom_kafka_producer' &&
    (isPerConsumer || entity.consumer || entity.consumer_group)
  )
    return stays('it is for one consumer, which custom_kafka_producer cannot be');
  const changes: Change[] = [...migrated.changes];
  if (Array.isArray(entity.protocols)) {
    const protocols = entity.protocols.filter((protocol) => protocol === 'http' || protocol === 'https');
    if (protocols.length === 0) return stays('it is for protocols other than http and https');
    if (protocols.length < entity.protocols.length) {
      map.set('protocols', document.createNode(protocols));
      changes.push({ option: 'protocols', fate: 'dropped', words: 'http and https only' });
    }
  }
  map.set('name', migrated.name);
  map.set('config', document.createNode(migrated.config));
  return { from: name, to: migrated.name, where, changes };
}

/** @param around what it stands in; undefined: it stands by itself */
function scopeOf(entity: Table, around: string | undefined): string {
  const named = SCOPES.filter((scope) => isTable(entity[scope]) || typeof entity[scope] === 'string');
  const scopes = named.map((scope) => `${scope.replace('_', ' ')} ${nameIn(entity[scope])}`);
  return [...(around === undefined ? [] : [around]), ...scopes].join(', ') || 'all routes';
}

function nameIn(reference: unknown): string {
  if (!isTable(reference)) return String(reference);
  return text(reference.name) ?? text(reference.username) ?? text(reference.id) ?? '?';
}

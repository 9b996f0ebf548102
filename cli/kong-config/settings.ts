/** Kong's own settings, from kong.conf or from a file of KONG_ variables. */

/** By the names of kong.conf: `pluginserver_names`. */
export type KongSettings = ReadonlyMap<string, string>;

/** Both forms may be in one text: `name = value` with comments, and `KONG_NAME=value`. Later lines win, as in Kong. */
export function parseSettings(written: string): KongSettings {
  const settings = new Map<string, string>();
  for (const line of written.split(/\r?\n/)) {
    const [, prefix, name, value = ''] =
      /^\s*(?:export\s+)?(KONG_)?([A-Za-z][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined) continue;
    // `#` begins a comment in kong.conf, unless it is escaped; an env file has none behind a value.
    const bare = prefix === undefined ? value.replace(/(^|[^\\])#.*$/, '$1').replaceAll('\\#', '#') : value;
    settings.set(name.toLowerCase(), unquoted(bare.trim()));
  }
  return settings;
}

const unquoted = (value: string): string => /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;

/** An entry of `pluginserver_names`. */
export interface PluginServerEntry {
  readonly name: string;
  readonly socket: string | undefined;
  readonly queryCommand: string | undefined;
  readonly startCommand: string | undefined;
}

export const listOf = (value: string | undefined): readonly string[] =>
  (value ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

export function entriesIn(settings: KongSettings): readonly PluginServerEntry[] {
  return listOf(settings.get('pluginserver_names')).map((name) => {
    const of = (what: string) => settings.get(`pluginserver_${name.toLowerCase().replaceAll('-', '_')}_${what}`) || undefined; // prettier-ignore
    return { name, socket: of('socket'), queryCommand: of('query_cmd'), startCommand: of('start_cmd') };
  });
}

/** `8k`, `1m`, in bytes. */
export function nginxBytes(size: string): number | undefined {
  const [, digits, unit = ''] = /^(\d+)([kKmMgG]?)$/.exec(size.trim()) ?? [];
  if (digits === undefined) return undefined;
  return (
    Number(digits) *
    { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[unit.toLowerCase() as '' | 'k' | 'm' | 'g']
  );
}

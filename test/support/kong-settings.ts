import type { ListedPlugin } from '../../common/plugins';

/** The name of a setting of a plugin's entry, as Kong derives it: `kafka-log`, `SOCKET` -> `KONG_PLUGINSERVER_KAFKA_LOG_SOCKET`. */
export function settingOf({ entry }: ListedPlugin, what: 'SOCKET' | 'QUERY_CMD' | 'START_CMD'): string {
  return `KONG_PLUGINSERVER_${entry.toUpperCase().replaceAll('-', '_')}_${what}`;
}

/**
 * The plugins of this package, and the only place that lists them. The name is also that of the folder and of the dump
 * (`kong/<name>.json`); what else there is to know of a plugin stands in its folder. Plain data, so that whoever reads it
 * loads no plugin. Not in the folder `plugins`, where Kong's stock server takes every file for one.
 */
export interface ListedPlugin {
  readonly name: string;
  /** What Kong's settings call its plugin server; with `.sock` the name of its socket in the folder of `--socket-dir`. */
  readonly entry: string;
  /** The flag that names its socket by itself, where it had one before there was `--socket-dir`. */
  readonly socketFlag?: 'producer-socket' | 'consumer-socket';
}

export const PLUGINS = [
  { name: 'custom_kafka_producer', entry: 'kafka-producer', socketFlag: 'producer-socket' },
  { name: 'custom_kafka_consumer', entry: 'kafka-consumer', socketFlag: 'consumer-socket' },
  { name: 'custom_kafka_request_reply', entry: 'kafka-request-reply' },
  { name: 'custom_kafka_log', entry: 'kafka-log' },
  { name: 'custom_kafka_failover', entry: 'kafka-failover' },
] as const satisfies readonly ListedPlugin[];

export type PluginName = (typeof PLUGINS)[number]['name'];

/** The name of a plugin's socket in its folder. */
export const socketName = ({ entry }: ListedPlugin): string => `${entry}.sock`;
/** The name of the file that Kong reads its schema from. */
export const dumpName = ({ name }: Pick<ListedPlugin, 'name'>, suffix?: string): string =>
  suffix === undefined ? `${name}.json` : `${name}.${suffix}.json`;

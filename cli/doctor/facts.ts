/** All that the checks look at, gathered beforehand: a check asks nobody. */
import type { PageFacts } from '../../status/facts';
import type { PluginName } from '../../common/plugins';
import type { TopicRights } from '../kafka-protocol/requests';
import type { InstalledPlugin } from '../kong-config/admin-api';
import type { KongEntities, Table } from '../kong-config/entities';
import type { KongVersion } from '../kong-config/kong-version';
import type { OurPlugin } from '../kong-config/our-plugins';
import type { KongSettings } from '../kong-config/settings';

export interface Facts {
  /** Of this package. */
  readonly version: string;
  readonly entities: KongEntities;
  readonly plugins: readonly OurPlugin[];
  readonly kong: KongFacts;
  /** Undefined: not asked. */
  readonly server: ServerFacts | undefined;
  readonly clusters: readonly ClusterFacts[];
  /** What could not be asked, each as a sentence: it is told, so that nobody takes silence for health. */
  readonly unasked: readonly Unasked[];
}

export interface Unasked {
  readonly where: string;
  readonly why: string;
}

export interface KongFacts {
  readonly version: KongVersion | undefined;
  /** Undefined: none are known. */
  readonly settings: KongSettings | undefined;
  /** All there are, as in a file; what the Admin API shows are some. */
  readonly settingsAreComplete: boolean;
  /** `GET /` of the Admin API failed with this status. */
  readonly rootFailedWith: number | undefined;
  /** By name; empty where no Admin API was asked. */
  readonly installed: ReadonlyMap<string, InstalledPlugin>;
  /** What Kong has loaded, of the plugins that are in use. */
  readonly schemas: ReadonlyMap<PluginName, Table>;
  /** What the query commands of the settings would print, by the path of the file; only those that are on this machine. */
  readonly dumpFiles: ReadonlyMap<string, string>;
  /** Of the entries, by path, where their folder is on this machine: `accepts`, `missing`, or the code of the error. */
  readonly socketStates: ReadonlyMap<string, string>;
}

export interface ServerFacts {
  readonly url: string;
  readonly status: PageFacts | undefined;
  /** Why there is no status. */
  readonly reason: string | undefined;
}

export interface ClusterFacts {
  /** See topic-uses.ts. */
  readonly key: string;
  readonly name: string;
  /** For commands: `host:port,…`. */
  readonly bootstrap: string;
  /** Of the login, for commands; undefined: none, or a token. */
  readonly user: string | undefined;
  /** Why nothing is known of it. */
  readonly reason: string | undefined;
  readonly brokers: number;
  readonly topics: ReadonlyMap<string, TopicFacts>;
}

export interface TopicFacts {
  /** `hidden`: this user may not describe it, so that nobody can tell whether it is there. */
  readonly state: 'there' | 'missing' | 'hidden';
  readonly partitions: readonly PartitionFacts[];
  /** Undefined: the broker does not say. */
  readonly rights: TopicRights | undefined;
  /** Undefined: this user may not see them. */
  readonly settings: ReadonlyMap<string, string> | undefined;
}

export interface PartitionFacts {
  readonly id: number;
  readonly leader: number;
  readonly replicas: number;
  readonly inSync: number;
}

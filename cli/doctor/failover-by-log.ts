/** What custom_kafka_failover has for Kong without the includes: another dump, and a configuration that needs it. */
import { dumpName } from '../../common/plugins';
import { FAILOVER } from '../../plugins/custom_kafka_failover/config';
import { isOurs, type OurPlugin } from '../kong-config/our-plugins';

/** Its name says which phase it has beside the others. */
export const DUMP_WITH_LOG = dumpName(FAILOVER, FAILOVER.otherPhases?.suffix);

/** Read as it was written, since other options may be wrong or in a vault. */
export const isByLog = (plugin: OurPlugin): boolean =>
  isOurs(plugin, 'custom_kafka_failover') && plugin.entity.config.capture === 'log';

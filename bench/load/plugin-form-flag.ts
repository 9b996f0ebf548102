/** The flag of every command that can drive the plugins in either form. */
import { PLUGIN_FORMS } from '../../dev/plugin-form';
import { nameOf } from './command-line';

export const PLUGIN_FORM = nameOf(PLUGIN_FORMS, {
  says: 'pair: custom_kafka_producer and custom_kafka_consumer; one-event: custom_kafka_request_reply',
  byDefault: 'pair',
});

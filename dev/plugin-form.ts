/** The two ways to have requests with replies on a route: two plugins that share the work, or one that does it all. */
import type { PluginName } from '../common/plugins';

export const PLUGIN_FORMS = ['pair', 'one-event'] as const;
export type PluginForm = (typeof PLUGIN_FORMS)[number];

/** As Kong's declarative configuration has it. */
export interface RoutePlugin {
  readonly name: PluginName;
  readonly config: object;
}

/**
 * The plugins of a route, in the order in which a request meets them.
 *
 * @param request options of custom_kafka_producer, `reply_topic` among them
 * @param reply options of custom_kafka_consumer that custom_kafka_request_reply has in its record `reply`
 */
export function routePlugins(form: PluginForm, request: object, reply: object = {}): RoutePlugin[] {
  return form === 'pair'
    ? [
        { name: 'custom_kafka_producer', config: request },
        { name: 'custom_kafka_consumer', config: reply },
      ]
    : [{ name: 'custom_kafka_request_reply', config: { ...request, reply } }];
}

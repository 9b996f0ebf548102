/** An AsyncAPI 3 document of the routes of a configuration. */
import { requestSchemaOptions } from '../../bridge/config/schema-registry-options';
import type { SubjectChoice } from '../../bridge/schema-registry/request-schemas';
import { NODE_PLACEHOLDER } from '../../bridge/reply/reply-routing';
import { addressHeaders } from '../../bridge/reply/dialects';
import { workingConfig, type KafkaRoute } from '../kong-config/kafka-routes';
import { freeName, idOf, type Json } from './json';
import { replyMessage, requestMessage, type RequestConfig } from './messages';
import type { Schemas } from './schemas';
import { serverList } from './servers';

export interface DocumentOptions {
  readonly title: string;
  readonly version: string;
  /** Who is described: `gateway` sends requests, `service` receives them. */
  readonly perspective: 'gateway' | 'service';
  readonly schemas: Schemas;
}

interface Channel {
  readonly address: string | null;
  readonly description: string;
  readonly servers: Json[];
  readonly messages: Record<string, Json>;
}

/** @throws CliError for a route whose plugins cannot work */
export async function asyncApiDocument(
  routes: readonly KafkaRoute[],
  options: DocumentOptions,
): Promise<Json> {
  const servers = serverList();
  const channels: Record<string, Channel> = {};
  const operations: Record<string, Json> = {};
  for (const kafkaRoute of routes) {
    const { route, request, wait, written } = kafkaRoute;
    const config = workingConfig<(typeof request)['name']>(request);
    // Routes without a name have that of their path.
    const name = freeName(idOf(route.name), operations);
    const at = servers.of(written);
    const requestTopics = [config.topic, ...(config.allowed_topics ?? [])];
    const replyTo = config.reply_topic;
    const reply =
      replyTo === undefined || !wait
        ? undefined
        : addMessage(
            channelOf(channels, replyTo, at),
            `${name}Reply`,
            replyMessage(wait, config, name, await options.schemas.of(`${replyTo}-value`, 'latest')),
          );
    for (const topic of new Set(requestTopics)) {
      const payload = await requestPayload(topic, config, options.schemas);
      const sent = addMessage(
        channelOf(channels, topic, at),
        `${name}Request`,
        requestMessage(config, name, payload),
      );
      operations[topic === config.topic ? name : freeName(`${name}-${topic}`, operations)] = {
        action: options.perspective === 'gateway' ? 'send' : 'receive',
        summary: `The route ${route.name} of Kong${replyTo === undefined ? ', one-way' : ''}.`,
        channel: sent.channel,
        messages: [sent.message],
        ...(reply && {
          reply: {
            channel: reply.channel,
            messages: [reply.message],
            ...(replyTo?.includes(NODE_PLACEHOLDER) && { address: replyAddress(config) }),
          },
        }),
        'x-http': { paths: route.paths, ...(route.methods.length > 0 && { methods: route.methods }) },
      };
    }
  }
  return withoutUndefined({
    asyncapi: '3.1.0',
    info: {
      title: options.title,
      version: options.version,
      description:
        options.perspective === 'gateway'
          ? 'What the gateway sends to Kafka, and which replies it waits for.'
          : 'What services get from the gateway over Kafka, and how they reply.',
    },
    servers: servers.servers,
    channels: channels as unknown as Json,
    operations,
    components: { schemas: options.schemas.components, securitySchemes: servers.securitySchemes },
  });
}

/** A reply topic for each gateway has no address but the one in the request. Two clusters may have topics of one name. */
function channelOf(
  channels: Record<string, Channel>,
  topic: string,
  servers: Json[],
): { readonly id: string; readonly channel: Channel } {
  const isOfNode = topic.includes(NODE_PLACEHOLDER);
  const description = isOfNode
    ? `Kafka topics ${topic}, one for each gateway: the request names it.`
    : `Kafka topic ${topic}.`;
  const known = Object.entries(channels).find(
    ([, channel]) => channel.description === description && channel.servers === servers,
  );
  if (known) return { id: known[0], channel: known[1] };
  const id = freeName(idOf(topic), channels);
  return {
    id,
    channel: (channels[id] = { address: isOfNode ? null : topic, description, servers, messages: {} }),
  };
}

function addMessage(
  { id, channel }: { readonly id: string; readonly channel: Channel },
  name: string,
  message: Json,
): { readonly channel: Json; readonly message: Json } {
  channel.messages[name] = message;
  return { channel: { $ref: `#/channels/${id}` }, message: { $ref: `#/channels/${id}/messages/${name}` } };
}

function replyAddress({ dialects }: RequestConfig): Json {
  const [dialect = 'plain'] = dialects;
  return {
    location: `$message.header#/${addressHeaders(dialect).replyTopic}`,
    description: 'The topic of the gateway that waits.',
  };
}

const BY_TOPIC: Pick<SubjectChoice, 'subjectOf' | 'version'> = {
  subjectOf: (topic) => `${topic}-value`,
  version: 'latest',
};

function requestPayload(topic: string, config: RequestConfig, schemas: Schemas): Promise<Json | undefined> {
  // Where the configuration names no registry, services may still have registered what they expect.
  const { subjectOf, version } = requestSchemaOptions(config)?.value ?? BY_TOPIC;
  return schemas.of(subjectOf(topic), version);
}

function withoutUndefined(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

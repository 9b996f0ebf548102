/** The rows of a log sink that others than the plugin itself may write to: see plugins/custom_kafka_log/log-requests.ts. */
import { IS_SET, requires } from './entity-checks';
import type { ConfigOf, Field } from './fields';
import type { CrossRule } from './parse';

export const SINK_OPTION = {
  name: 'sink',
  type: 'record',
  description: "A second way in, for Kong's HTTP Log plugin: `POST /log/<name>` of the plugin server.",
  fields: [
    {
      name: 'name',
      type: 'string',
      minLength: 1,
      maxLength: 64,
      pattern: {
        lua: '^[%w%._%-]+$',
        regex: '^[A-Za-z0-9._-]+$',
        meaning: 'a name of letters, digits, ".", "_", "-"',
      },
      description:
        'Name under which the plugin server takes entries for this configuration, once it has seen a request of it: `POST /log/<name>` at its `--http-listen`. Default: none, only entries of its own requests are written.',
    },
    {
      name: 'secret',
      type: 'string',
      minLength: 16,
      maxLength: 256,
      secret: true,
      description:
        'What the header `X-Sink-Secret` of such a request must say, 16 characters at least. Required together with `sink.name`. Better a vault reference, such as `{vault://env/sink-secret}`.',
    },
  ],
} as const satisfies Field;

interface SinkConfig {
  readonly sink: ConfigOf<typeof SINK_OPTION.fields>;
}

const NO_SECRET = 'sink.secret: required together with sink.name, or everybody could write to the topic';
const SECRET_OF_NOTHING = 'sink.secret: has no meaning without sink.name';

export const SINK_RULES: readonly CrossRule<SinkConfig>[] = [
  {
    complaint: ({ sink }) => (sink.name !== undefined && sink.secret === undefined ? NO_SECRET : undefined),
    kong: [requires('sink.name', IS_SET, 'sink.secret', NO_SECRET)],
  },
  {
    complaint: ({ sink }) =>
      sink.secret !== undefined && sink.name === undefined ? SECRET_OF_NOTHING : undefined,
    kong: [requires('sink.secret', IS_SET, 'sink.name', SECRET_OF_NOTHING)],
  },
];

/** The command line of the responder. */
import { parseArgs } from 'node:util';
import { DEFAULT_BEHAVIOUR, MODES, RESPONDER_DIALECTS, type Behaviour } from './behaviour';

export const USAGE = `Usage: node dist/dev/responder/cli.js --bootstrap <host:port> --serve <topic>[,<option>=<value>]...

Reads request topics and answers where each request says.

  --bootstrap <host:port>[,...]  brokers to start from
  --serve <topic>[,option=value...]
                                 a topic to answer, repeatable; its options:
      mode=echo|upper|order|steps
                                 what is answered (default echo)
      dialect=auto|plain|spring|nestjs|smallrye|zilla|body|key
                                 where correlation id and reply topic are (default auto: as the request has them)
      reply-topic=<topic>        for requests that name none (needed with body and key)
      delay-ms=<number>          answer later (default 0)
      together=<number>          hold answers until there are so many (default 1)
      error=true                 answer with the dialect's mark of an error
      status=<number>            ask for this HTTP status
      header-<name>=<value>      add a header to the reply
      replies=<number>           replies to each request (default 1), with the headers sequence and, on the last, last
      every-ms=<number>          between two of them (default 0)
      duplicates=<number>        further copies of each reply (default 0)
  --group <id>                   consumer group (default: none, reads everything from now on)
  --help                         show this text
`;

export interface ResponderArguments {
  readonly bootstrapServers: string[];
  readonly topics: Behaviour[];
  readonly groupId?: string;
}

/** @throws Error with one sentence when the arguments make no sense; undefined asks for the usage */
export function parseResponderArguments(args: string[]): ResponderArguments | undefined {
  const { values } = parseArgs({
    args,
    options: {
      bootstrap: { type: 'string' },
      serve: { type: 'string', multiple: true, default: [] },
      group: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  if (values.bootstrap === undefined) throw new Error('--bootstrap is missing: the brokers to start from.');
  if (values.serve.length === 0) throw new Error('--serve is missing: a topic to answer.');
  return {
    bootstrapServers: values.bootstrap.split(','),
    topics: values.serve.map(parseBehaviour),
    ...(values.group === undefined ? {} : { groupId: values.group }),
  };
}

export function parseBehaviour(text: string): Behaviour {
  const [topic = '', ...options] = text.split(',');
  if (!/^[A-Za-z0-9._-]+$/.test(topic)) throw new Error(`--serve begins with a topic name, not '${topic}'.`);
  const headers: Record<string, string> = {};
  let behaviour: Behaviour = { ...DEFAULT_BEHAVIOUR, topic, headers };
  for (const option of options) {
    const [name = '', value = ''] = split(option);
    if (name.startsWith('header-')) headers[name.slice('header-'.length)] = value;
    else behaviour = { ...behaviour, ...parseOption(name, value) };
  }
  const needsTopic = behaviour.dialect === 'body' || behaviour.dialect === 'key';
  if (needsTopic && behaviour.replyTopic === undefined) {
    throw new Error(`--serve ${topic}: dialect=${behaviour.dialect} needs reply-topic=<topic>.`);
  }
  return behaviour;
}

function parseOption(name: string, value: string): Partial<Behaviour> {
  switch (name) {
    case 'mode':
      return { mode: oneOf(name, value, MODES) };
    case 'dialect':
      return { dialect: oneOf(name, value, RESPONDER_DIALECTS) };
    case 'reply-topic':
      return { replyTopic: value };
    case 'delay-ms':
      return { delayMs: count(name, value) };
    case 'together':
      return { together: count(name, value) };
    case 'error':
      return { error: oneOf(name, value, ['true', 'false']) === 'true' };
    case 'status':
      return { status: count(name, value) };
    case 'replies':
      return { replies: count(name, value) };
    case 'every-ms':
      return { everyMs: count(name, value) };
    case 'duplicates':
      return { duplicates: count(name, value) };
    default:
      throw new Error(`--serve has no option '${name}'.`);
  }
}

function split(option: string): [string, string] {
  const at = option.indexOf('=');
  if (at < 0) throw new Error(`--serve: '${option}' is not <option>=<value>.`);
  return [option.slice(0, at), option.slice(at + 1)];
}

function oneOf<const T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined)
    throw new Error(`--serve: ${name} is one of ${allowed.join(', ')}, not '${value}'.`);
  return found;
}

function count(name: string, value: string): number {
  if (!/^\d+$/.test(value)) throw new Error(`--serve: ${name} is a whole number, not '${value}'.`);
  return Number(value);
}

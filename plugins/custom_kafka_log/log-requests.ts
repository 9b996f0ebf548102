/**
 * `POST /log/<sink>`: the second way in, for Kong's own HTTP Log plugin, which costs a request half of what an event of
 * an external plugin does.
 *
 * Kong keeps what is not taken in a queue of its own and comes again. So nothing is dropped here: a batch has room as a
 * whole, or is refused as a whole with 429.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBoundedBody } from '../../listener/bounded-body';
import { answerJson, type HttpRoute } from '../../listener/http-route';
import { isDeeperThan, MAX_JSON_DEPTH } from '../../bridge/json-depth';
import { isObject, readJson, type JsonObject } from '../../bridge/log-entry/entry';
import type { LogSink } from '../../bridge/log-sink/log-sink';
import type { LogSinks } from '../../bridge/log-sink/log-sinks';

const SECRET_HEADER = 'x-sink-secret';
/** A thousand entries of a kilobyte or two; Kong sends 200 at most unless it is told otherwise. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** What an entry costs beside its text. */
const ENTRY_COST_BYTES = 500;
const COME_AGAIN = { 'retry-after': '1' };

export function logRoute(sinks: LogSinks): HttpRoute {
  return {
    prefix: '/log/',
    handle: (request, response, name) => {
      const sink = sinks.named(name);
      const refusal = refusalOf(request, sinks, sink);
      if (refusal !== undefined || sink === undefined) refuse(request, response, refusal ?? UNKNOWN);
      else void take(request, response, sinks, sink);
    },
  };
}

interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const UNKNOWN: Refusal = {
  status: 404,
  message:
    'no sink of that name: a custom_kafka_log with sink.name must have seen a request, or the sinks file name it',
};
const REFUSALS = {
  too_large: { status: 413, message: 'the batch is larger than the sink can ever hold' },
  no_memory: { status: 429, message: 'the sink is full', headers: COME_AGAIN },
  gone: { status: 400, message: 'the request did not arrive' },
  not_json: { status: 400, message: 'the body is not a JSON object or a list of such' },
} as const satisfies Record<string, Refusal>;

function refusalOf(
  request: IncomingMessage,
  sinks: LogSinks,
  sink: LogSink | undefined,
): Refusal | undefined {
  if (sink === undefined) return UNKNOWN;
  if (!isSecret(request.headers[SECRET_HEADER], sink.secret))
    return { status: 401, message: `the header ${SECRET_HEADER} does not have the secret of the sink` };
  if (request.method !== 'POST')
    return { status: 405, message: 'only POST is taken', headers: { allow: 'POST' } };
  if (sinks.isDraining)
    return { status: 503, message: 'the plugin server is shutting down', headers: COME_AGAIN };
  return undefined;
}

/** Takes the same time for every wrong one. */
function isSecret(given: string | string[] | undefined, secret: string | undefined): boolean {
  if (typeof given !== 'string' || secret === undefined) return false;
  return timingSafeEqual(digest(given), digest(secret));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** What is still to come is not read: the connection ends with the answer. */
function refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  const { status, message, headers } = refusal;
  if (!request.complete) response.shouldKeepAlive = false;
  answerJson(response, status, { message }, headers);
}

async function take(
  request: IncomingMessage,
  response: ServerResponse,
  sinks: LogSinks,
  sink: LogSink,
): Promise<void> {
  const { memory } = sinks;
  const outcome = await readBoundedBody(request, {
    maxBytes: MAX_BODY_BYTES,
    reserve: (sizeBytes) => memory.reserve(sizeBytes),
    release: (sizeBytes) => memory.add(-sizeBytes),
  });
  if ('refused' in outcome) {
    refuse(request, response, REFUSALS[outcome.refused]);
    return;
  }
  // From here to the answer nothing else runs, so the room that is seen is there.
  outcome.done();
  const entries = entriesOf(outcome.body);
  if (entries === undefined) {
    refuse(request, response, REFUSALS.not_json);
    return;
  }
  const bytes = outcome.body.length + entries.length * ENTRY_COST_BYTES;
  if (sink.isTooMuch(entries.length, bytes)) return refuse(request, response, REFUSALS.too_large);
  // Before their records are made: a full sink is asked often.
  if (!sink.hasRoomFor(entries.length, bytes)) return refuse(request, response, REFUSALS.no_memory);
  switch (sink.writeAll(entries)) {
    case 'too_much':
      return refuse(request, response, REFUSALS.too_large);
    case 'no_room':
      return refuse(request, response, REFUSALS.no_memory);
    case undefined:
      answerJson(response, 200, { taken: entries.length });
  }
}

/** Kong sends an object, not a list, where a batch is one entry. */
function entriesOf(body: Buffer): JsonObject[] | undefined {
  if (isDeeperThan(body, MAX_JSON_DEPTH)) return undefined;
  const json = readJson(body);
  const entries = Array.isArray(json) ? json : [json];
  return entries.every(isObject) ? entries : undefined;
}

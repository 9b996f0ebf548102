/** Server-sent events on one response of the listener. */
import type { ServerResponse } from 'node:http';
import type { HttpAnswer } from '../errors';
import type { EventId } from './event-id';
import type { ReplyStream, StreamClient } from './reply-stream';

export const EVENT_STREAM = 'text/event-stream';

/** How long a browser waits before it comes back. */
const RETRY = 'retry: 2000\n\n';

const HEADERS = {
  'content-type': EVENT_STREAM,
  'cache-control': 'no-store',
  // Kong passes events on at once as it is; a proxy in front of it may not.
  'x-accel-buffering': 'no',
} as const;

/** A stream without events: after an error status an EventSource would not come any more, and never see its stream again. */
export const COME_AGAIN: HttpAnswer = { status: 200, headers: HEADERS, body: Buffer.from(RETRY) };

/** @param at of a client that comes back: the last event that it has */
export function streamEvents(stream: ReplyStream, at: EventId | undefined, response: ServerResponse): void {
  const { earlyFailure } = stream;
  if (earlyFailure !== undefined && at === undefined) {
    const { status, headers, body } = earlyFailure;
    response.writeHead(status, { ...headers, 'content-length': body.length });
    response.end(body);
    stream.forget();
    return;
  }
  response.writeHead(200, HEADERS);
  // It may last for hours beside thousands of others, and nobody looks at them again.
  response.req.rawHeaders.length = 0;
  const client: StreamClient = {
    send: (text) => response.write(text),
    end: () => response.end(),
    drop: () => response.destroy(),
  };
  response.on('drain', () => stream.flush());
  response.on('close', () => stream.detach(client));
  response.write(RETRY);
  stream.attach(client, at);
}

/** What cannot be had together with several replies to one request, collected or as a stream. */
import { NOT_REPEATED } from '../reply/collector';
import { hasSeveral } from '../streams/stream-rule';
import { collects, type CollectConfig } from './collect-options';
import type { CrossRule } from './parse';

interface OneReply extends CollectConfig {
  readonly mode: string;
  readonly on_timeout: string;
  readonly respond_async: boolean;
  readonly wait_for: { readonly field?: string | undefined };
}

export const SEVERAL_REPLIES_RULES: readonly CrossRule<OneReply>[] = [
  {
    complaint: (config) => {
      const several = severalReplies(config);
      const one = several && oneReply(config);
      return one && `${several}: cannot be combined with ${one}, which is about one reply`;
    },
  },
];

export const SEVERAL_REPLIES_OF_REQUEST_RULES: readonly CrossRule<{
  readonly reply: OneReply & { readonly stream: SocketReplies };
  readonly idempotency: string;
}>[] = [
  {
    complaint: ({ reply, idempotency }) => {
      const several = idempotency === 'off' ? undefined : severalToOne(reply);
      return several && `reply.${several}: ${NOT_REPEATED}`;
    },
  },
];

/** To a message of a WebSocket. */
interface SocketReplies {
  readonly count?: number | undefined;
  readonly end_header?: string | undefined;
}

/** @returns the option by which a request that may come again has several; a stream of events may not */
function severalToOne({ collect, stream }: CollectConfig & { readonly stream: SocketReplies }) {
  if (collects(collect)) return 'collect';
  if (!hasSeveral({ count: stream.count, endHeader: stream.end_header })) return undefined;
  return stream.end_header === undefined ? 'stream.count' : 'stream.end_header';
}

/** @returns the option by which there are several */
function severalReplies({ mode, collect }: OneReply): string | undefined {
  if (collects(collect)) return 'collect';
  return mode === 'stream' ? 'mode' : undefined;
}

function oneReply({ mode, on_timeout, respond_async, wait_for }: OneReply): string | undefined {
  if (mode === 'result') return 'mode: result';
  if (on_timeout === 'accepted') return 'on_timeout: accepted';
  if (respond_async) return 'respond_async';
  return wait_for.field === undefined ? undefined : 'wait_for';
}

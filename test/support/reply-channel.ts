/** A reply channel as a configuration has it, on a reader that the test owns. */
import type { Clock } from '../../bridge/clock';
import { DeadlineWheel } from '../../bridge/reply/deadline-wheel';
import { HEADER_RULE } from '../../bridge/reply/match-rule';
import type { ReplyChannel, ReplyChannelOptions } from '../../bridge/reply/reply-channel';
import { ReplyTopics, type ReplySource } from '../../bridge/reply/reply-topics';
import { requestMetrics } from './request-metrics';

export function replyTopics(clock: Clock): ReplyTopics {
  return new ReplyTopics(clock, new DeadlineWheel(clock));
}

export function openReplyChannel(
  topics: ReplyTopics,
  reader: ReplySource['reader'],
  options: Partial<ReplySource & ReplyChannelOptions> = {},
): ReplyChannel {
  return topics.open(
    {
      reader,
      connectionKey: options.connectionKey ?? 'connection',
      cluster: 'main',
      bootstrapServers: options.bootstrapServers ?? ['kafka:9092'],
      replyTopic: options.replyTopic ?? 'replies',
      partition: options.partition,
      create: options.create,
    },
    {
      metrics: requestMetrics(),
      capacity: 10,
      from: 'end',
      rules: [HEADER_RULE],
      sharedWithRequests: false,
      waitsComeLate: false,
      ...options,
    },
  );
}

/** The events that configurations of this process wait for: each topic is looked through once for each way to find a key. */
import type { Clock } from '../clock';
import type { MatchRule } from '../reply/match-rule';
import type { ReplyTopic, Waits } from '../reply/reply-topic';
import type { KeepBounds } from '../results/kept-replies';
import { StateEvents } from './state-events';

export interface StateEventsReading {
  readonly cluster: string;
  readonly replyTopic: string;
  readonly waiting: number;
  readonly count: number;
  readonly bytes: number;
}

interface Known {
  readonly topic: Pick<ReplyTopic, 'cluster' | 'name'>;
  readonly events: StateEvents;
}

export class StateTopics {
  readonly #clock: Clock;
  /** As in ReplyStores. */
  readonly #known = new Map<Waits, Map<string, Known>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Every one needs a leave. */
  join(
    topic: ReplyTopic,
    rule: MatchRule,
    bounds: KeepBounds,
  ): { readonly events: StateEvents; readonly leave: () => void } {
    const ofTopic = this.#known.get(topic.waits) ?? new Map<string, Known>();
    this.#known.set(topic.waits, ofTopic);
    const known = ofTopic.get(rule.name) ?? { topic, events: new StateEvents(this.#clock, rule) };
    ofTopic.set(rule.name, known);
    const { events } = known;
    const leave = events.join(topic, bounds);
    return {
      events,
      leave: () => {
        leave();
        if (!events.isUnused) return;
        ofTopic.delete(rule.name);
        if (ofTopic.size === 0) this.#known.delete(topic.waits);
      },
    };
  }

  /** For the status page: what the events say is nobody's business there. */
  status(): Record<string, unknown>[] {
    return this.readings().map(({ replyTopic, waiting, count, bytes }) => ({
      reply_topic: replyTopic,
      waiting,
      remembered: count,
      bytes,
    }));
  }

  readings(): StateEventsReading[] {
    return [...this.#known.values()].flatMap((ofTopic) =>
      [...ofTopic.values()].map(({ topic: { cluster, name }, events }) => ({
        cluster,
        replyTopic: name,
        waiting: events.waiting,
        ...events.remembered,
      })),
    );
  }
}

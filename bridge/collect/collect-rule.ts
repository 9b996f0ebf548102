/** When a wait has all its replies, and what becomes of them. */
export const COLLECTED_FORMS = ['array', 'ndjson', 'multipart'] as const;

export type CollectedForm = (typeof COLLECTED_FORMS)[number];

/** At least one of the first three is there; what comes first ends the wait. */
export interface CollectRule {
  /** So many replies. */
  readonly count: number | undefined;
  /** A reply with this record header is the last; without a value it is the end alone, and no reply. */
  readonly endHeader: string | undefined;
  /** Nothing more for so long after a reply. */
  readonly quietMs: number | undefined;
  /** The record header with the place of a reply among the others; undefined: in the order in which they come. */
  readonly sequenceHeader: string | undefined;
  /** The place of the first. */
  readonly sequenceStart: number;
  /** At the deadline what is there is the answer, if it is anything at all. */
  readonly isPartialAnswered: boolean;
  readonly form: CollectedForm;
  /** Bounds for memory; one more is an error. */
  readonly maxCount: number;
  readonly maxBytes: number;
}

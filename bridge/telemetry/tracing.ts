/**
 * How requests are followed through Kafka: spans, where the process exports any. Without, everything here is a constant
 * that does nothing; the SDK is loaded for who exports only (trace-export.ts).
 */
import { createRequire } from 'node:module';
import type { GatewayError } from '../errors';
import type { OutgoingRecord, ReceivedRecord } from '../kafka/records';
import { log } from './log';
import type { B3Form } from './trace-context';
import type * as traceExport from './trace-export';

/** One request, told as it goes along. */
export interface RequestTrace {
  /** 32 hexadecimal digits; undefined: nothing else than what the record says. */
  readonly traceId: string | undefined;
  /** The same record, with this trace in its headers in place of the client's. */
  traced(record: OutgoingRecord): OutgoingRecord;
  /** The broker has it, or did not take it. Only the first call counts. */
  delivered(error: GatewayError | undefined): void;
  /**
   * The wait is over. Nothing of a request that was not delivered.
   * @param reply that ended it
   * @param outcome the code of the error that the client got; undefined where it got the reply
   */
  ended(reply: ReceivedRecord | undefined, outcome: string | undefined): void;
}

/** Of one configuration. */
export interface RequestTracer {
  /**
   * The record is about to be produced.
   * @param correlationId by which its reply is found; undefined where nobody waits
   */
  begin(record: OutgoingRecord, correlationId: string | undefined): RequestTrace;
}

export interface TracerOptions {
  /** As it is configured: with `{node}` in it where each gateway has its own. */
  readonly replyTopic: string | undefined;
  readonly b3: B3Form;
}

export interface Tracing {
  tracer(options: TracerOptions): RequestTracer;
  /** For the status page; undefined where nothing is exported. */
  status(): { readonly spans_exported: number; readonly spans_lost: number } | undefined;
  /** Exports what is left, within a bound of its own. */
  close(): Promise<void>;
}

export const UNTRACED: RequestTrace = {
  traceId: undefined,
  traced: (record) => record,
  delivered: () => undefined,
  ended: () => undefined,
};

const UNTRACED_REQUESTS: RequestTracer = { begin: () => UNTRACED };

export const NO_TRACING: Tracing = {
  tracer: () => UNTRACED_REQUESTS,
  status: () => undefined,
  close: () => Promise.resolve(),
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether OpenTelemetry's own variables ask for spans. */
export function wantsSpans(environment: Environment): boolean {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = environment;
  return (
    Boolean(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || OTEL_EXPORTER_OTLP_ENDPOINT) &&
    environment.OTEL_SDK_DISABLED?.toLowerCase() !== 'true' &&
    environment.OTEL_TRACES_EXPORTER !== 'none'
  );
}

const requireFrom = createRequire(__filename);

/** Never fails: requests matter more than spans. What is wrong is one line of the log. */
export function openTracing(
  environment: Environment = process.env,
  load: () => unknown = () => requireFrom('./trace-export.js'),
): Tracing {
  if (!wantsSpans(environment)) return NO_TRACING;
  try {
    const { exportSpans } = load() as typeof traceExport;
    return exportSpans();
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    log.error(
      isMissing
        ? 'no spans are exported: OTEL_EXPORTER_OTLP_ENDPOINT is set, but the optional OpenTelemetry packages are not installed (npm install --include=optional)'
        : 'no spans are exported: OpenTelemetry cannot be started',
      { reason: (error as Error).message.split('\n')[0] },
    );
    return NO_TRACING;
  }
}

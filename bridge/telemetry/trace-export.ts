/**
 * Spans by OpenTelemetry's messaging conventions, exported over OTLP by the official SDK, which reads all of its
 * settings (endpoint, headers, sampler, batches) from the variables `OTEL_*`.
 *
 *     the client's span
 *       send orders.requests          until the broker has the record
 *         (the responder's spans)     by the record's traceparent
 *         receive orders.replies      until the client is answered; linked to the span that sent the reply
 *
 * Whether a trace is sampled is the client's decision, where it has made one. Of a trace that is not, the record carries
 * what the client said.
 */
import {
  createTraceState,
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type DiagLogger,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { GatewayError } from '../errors';
import type { OutgoingRecord, ReceivedRecord } from '../kafka/records';
import { version } from '../version';
import { log } from './log';
import {
  contextHeaders,
  isContextHeader,
  isSampled,
  parseB3,
  parseTraceparent,
  type B3Form,
  type TraceContext,
} from './trace-context';
import { UNTRACED, type RequestTrace, type RequestTracer, type TracerOptions, type Tracing } from './tracing';

const SERVICE_NAME = 'kong-kafka-pluginserver';
/** What is left at the end may take this long; a collector that is away must not keep the process. */
const LAST_EXPORT_MS = 3000;

export function exportSpans(exporter: SpanExporter = new OTLPTraceExporter()): Tracing {
  diag.setLogger(sdkLog(), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const counted = new CountedExporter(exporter);
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': SERVICE_NAME, 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    // Bounded: what does not fit the queue is dropped.
    spanProcessors: [new BatchSpanProcessor(counted)],
  });
  const tracer = provider.getTracer('kong-kafka-request-reply', version);
  log.info('spans are exported by OpenTelemetry');
  return {
    tracer: (options) => new SpanTracer(tracer, options),
    status: () => ({ spans_exported: counted.exported, spans_lost: counted.lost }),
    close: () => withinLimit(provider.shutdown()),
  };
}

class SpanTracer implements RequestTracer {
  readonly #tracer: Tracer;
  readonly #replies: Destination;
  readonly #b3: B3Form;

  constructor(tracer: Tracer, { replyTopic = '', b3 }: TracerOptions) {
    this.#tracer = tracer;
    this.#replies = destinationOf(replyTopic);
    this.#b3 = b3;
  }

  begin(record: OutgoingRecord, correlationId: string | undefined): RequestTrace {
    const parent = contextOf(record);
    const span = this.#tracer.startSpan(
      `send ${record.topic}`,
      {
        kind: SpanKind.PRODUCER,
        attributes: {
          'messaging.system': 'kafka',
          'messaging.operation.name': 'send',
          'messaging.operation.type': 'send',
          'messaging.destination.name': record.topic,
          'messaging.message.body.size': record.value?.length ?? 0,
          ...(correlationId !== undefined && { 'messaging.message.conversation_id': correlationId }),
        },
      },
      parent,
    );
    if (span.isRecording()) {
      return new RequestSpans(this.#tracer, span, this.#replies, this.#b3, correlationId);
    }
    // The client has decided. Where it has said nothing, the responder must not decide anew.
    return parent === ROOT_CONTEXT ? new UnsampledTrace(span.spanContext(), this.#b3) : UNTRACED;
  }
}

/** Begun here and not sampled: all there is to it is that the responder learns so. */
class UnsampledTrace implements RequestTrace {
  readonly #context: SpanContext;
  readonly #b3: B3Form;

  constructor(context: SpanContext, b3: B3Form) {
    this.#context = context;
    this.#b3 = b3;
  }

  get traceId(): string {
    return this.#context.traceId;
  }

  delivered(): void {}

  ended(): void {}

  traced(record: OutgoingRecord): OutgoingRecord {
    return tracedBy(this.#context, this.#b3, record);
  }
}

class RequestSpans implements RequestTrace {
  readonly #tracer: Tracer;
  readonly #send: Span;
  readonly #replies: Destination;
  readonly #b3: B3Form;
  readonly #correlationId: string | undefined;
  readonly #sentAtMs = Date.now();
  #failed = false;

  constructor(
    tracer: Tracer,
    send: Span,
    replies: Destination,
    b3: B3Form,
    correlationId: string | undefined,
  ) {
    this.#tracer = tracer;
    this.#send = send;
    this.#replies = replies;
    this.#b3 = b3;
    this.#correlationId = correlationId;
  }

  get traceId(): string {
    return this.#send.spanContext().traceId;
  }

  traced(record: OutgoingRecord): OutgoingRecord {
    return tracedBy(this.#send.spanContext(), this.#b3, record);
  }

  delivered(error: GatewayError | undefined): void {
    if (!this.#send.isRecording()) return;
    if (error !== undefined) {
      this.#failed = true;
      fail(this.#send, error.code);
    }
    this.#send.end();
  }

  ended(reply: ReceivedRecord | undefined, outcome: string | undefined): void {
    if (this.#failed) return;
    // A reply may be faster than the delivery report, and a wait may end before either.
    const links = reply === undefined ? [] : linksTo(reply, this.#b3);
    const span = this.#tracer.startSpan(
      `receive ${this.#replies.name}`,
      {
        kind: SpanKind.CONSUMER,
        startTime: this.#sentAtMs,
        links,
        attributes: {
          ...this.#replies.attributes,
          ...(this.#correlationId !== undefined && {
            'messaging.message.conversation_id': this.#correlationId,
          }),
          ...(reply !== undefined && {
            'messaging.destination.partition.id': String(reply.partition),
            'messaging.kafka.offset': reply.offset,
            'messaging.message.body.size': reply.value?.length ?? 0,
          }),
        },
      },
      trace.setSpan(ROOT_CONTEXT, this.#send),
    );
    if (outcome !== undefined) fail(span, outcome);
    span.end();
  }
}

interface Destination {
  readonly name: string;
  readonly attributes: Attributes;
}

/** The name of a topic that one gateway has for itself says nothing, and there are as many as there are gateways. */
function destinationOf(topic: string): Destination {
  const kind = topic.includes('{') ? 'messaging.destination.template' : 'messaging.destination.name';
  return {
    name: topic,
    attributes: {
      'messaging.system': 'kafka',
      'messaging.operation.name': 'receive',
      'messaging.operation.type': 'receive',
      [kind]: topic,
    },
  };
}

function fail(span: Span, code: string): void {
  span.setAttribute('error.type', code);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** The trace that a record carries: the client's, as far as it was let through. */
function contextOf({ headers }: OutgoingRecord): Context {
  let context: TraceContext | undefined;
  let state: string | undefined;
  for (const [name, value] of headers) {
    if (name === 'traceparent') context = parseTraceparent(value);
    else if (name === 'tracestate') state = value;
  }
  if (context === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    ...spanContext(context),
    ...(state !== undefined && { traceState: createTraceState(state) }),
  });
}

function spanContext(context: TraceContext): SpanContext {
  const { traceId, spanId } = context;
  return { traceId, spanId, traceFlags: isSampled(context) ? 1 : 0, isRemote: true };
}

function tracedBy(
  { traceId, spanId, traceFlags }: SpanContext,
  b3: B3Form,
  record: OutgoingRecord,
): OutgoingRecord {
  const flags = traceFlags.toString(16).padStart(2, '0');
  return {
    ...record,
    headers: [
      ...record.headers.filter(([name]) => !isContextHeader(name)),
      ...contextHeaders({ traceId, spanId, flags }, b3),
    ],
  };
}

/** Longer than any context is. */
const MAX_CONTEXT_BYTES = 256;

function linksTo(reply: ReceivedRecord, b3: B3Form): Link[] {
  const header = (wanted: string): string | undefined => {
    const value = reply.headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
    return value === undefined || value.length > MAX_CONTEXT_BYTES ? undefined : value.toString('latin1');
  };
  const context =
    parseTraceparent(header('traceparent') ?? '') ?? (b3 === 'off' ? undefined : parseB3(header));
  return context === undefined ? [] : [{ context: spanContext(context) }];
}

/** Tells how the export goes: that a collector is away is one line, and not one for each batch. */
class CountedExporter implements SpanExporter {
  exported = 0;
  lost = 0;
  readonly #exporter: SpanExporter;
  #failing = false;

  constructor(exporter: SpanExporter) {
    this.#exporter = exporter;
  }

  export(...[spans, onResult]: Parameters<SpanExporter['export']>): void {
    this.#exporter.export(spans, (result) => {
      const succeeded = result.code === ExportResultCode.SUCCESS;
      if (succeeded) this.exported += spans.length;
      else this.lost += spans.length;
      this.#tell(succeeded, result.error);
      // It is told; the SDK would log it again, with all that the collector has answered.
      onResult({ code: ExportResultCode.SUCCESS });
    });
  }

  #tell(succeeded: boolean, error: Error | undefined): void {
    if (succeeded === !this.#failing) return;
    this.#failing = !succeeded;
    if (succeeded) log.info('spans are exported again', { spans_lost: this.lost });
    else log.warn('spans cannot be exported and are dropped until they can', { reason: reasonOf(error) });
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush?.() ?? Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }
}

const MAX_REASON_LENGTH = 200;
const MAX_COMPLAINTS = 100;

/** A refused connection to several addresses of a name has no message of its own. */
function reasonOf(error: Error | undefined): string {
  const { message = '', code = 'unknown' } = (error ?? {}) as { message?: string; code?: string | number };
  return (message || String(code)).slice(0, MAX_REASON_LENGTH);
}

/** What the SDK complains of, such as a variable that it cannot read or a full queue: each once. */
function sdkLog(): DiagLogger {
  const told = new Set<string>();
  const tell = (message: string): void => {
    const kind = message.replace(/\d+/g, '0');
    if (told.has(kind) || told.size >= MAX_COMPLAINTS) return;
    told.add(kind);
    log.warn('OpenTelemetry complains', { reason: message.slice(0, MAX_REASON_LENGTH) });
  };
  const silent = (): void => undefined;
  return { error: tell, warn: tell, info: silent, debug: silent, verbose: silent };
}

async function withinLimit(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, LAST_EXPORT_MS)));
  await Promise.race([work.catch(() => undefined), limit]);
  clearTimeout(timer);
}

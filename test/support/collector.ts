/** An OpenTelemetry collector that keeps what it gets: OTLP over HTTP, in JSON. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface CollectedSpan {
  readonly service: string;
  readonly name: string;
  /** 4: producer, 5: consumer. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** "" for a root. */
  readonly parentSpanId: string;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Readonly<Record<string, string | number>>;
  /** 2: error. */
  readonly status: number;
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number };
}

interface OtlpSpan extends Omit<CollectedSpan, 'attributes' | 'status' | 'service'> {
  readonly attributes: readonly Attribute[];
  readonly status?: { readonly code?: number };
}

interface TracesRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

export class Collector {
  readonly spans: CollectedSpan[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const isTraces = request.method === 'POST' && request.url === '/v1/traces';
        if (isTraces) this.#take(Buffer.concat(chunks), request.headers['content-encoding']);
        response.writeHead(isTraces ? 200 : 404, { 'content-type': 'application/json' }).end('{}');
      });
    });
  }

  static async start(): Promise<Collector> {
    const collector = new Collector();
    await new Promise<void>((resolve) => collector.#server.listen(0, '127.0.0.1', resolve));
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  ofTrace(traceId: string): CollectedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #take(body: Buffer, encoding: string | undefined): void {
    const json = (encoding === 'gzip' ? gunzipSync(body) : body).toString();
    for (const { resource, scopeSpans } of (JSON.parse(json) as TracesRequest).resourceSpans) {
      const service = String(plain(resource.attributes)['service.name']);
      for (const { attributes, status, links = [], parentSpanId = '', ...span } of scopeSpans.flatMap(
        ({ spans }) => spans,
      )) {
        const more = {
          service,
          links,
          parentSpanId,
          attributes: plain(attributes),
          status: status?.code ?? 0,
        };
        this.spans.push({ ...span, ...more });
      }
    }
  }
}

function plain(attributes: readonly Attribute[]): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  );
}

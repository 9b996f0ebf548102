/** A request that is kept before it goes anywhere, as Kong hands it over: what nginx would say of it, and its body. */
import { randomUUID } from 'node:crypto';
import type { KongService } from '../kong';
import { answerOf, type Read } from '../phase';
import { RequestReader, type HttpRequest } from '../request/http-request';
import { textFromKong, uriFromKong } from '../request/kong-text';
import type { FailedRequest } from './failed-request';

export type WholeRequest = Omit<FailedRequest, 'status' | 'mayBeDelivered'> & {
  readonly headers: HttpRequest['headers'];
};

export const SERVICE_READ: Read = ['kong.router.get_service'];

/** The same text as in the facts of nginx. */
export function serviceName(service: KongService | undefined): string | undefined {
  const name = service?.name || service?.id;
  return name === undefined ? undefined : textFromKong(name);
}

export class WholeRequestReader {
  readonly reads: readonly Read[];
  readonly #reader: RequestReader;

  /** @param options see RequestReader */
  constructor(options: { maxBodyBytes: number; boundedRead: boolean }) {
    this.#reader = new RequestReader(
      {
        method: true, body: true, uri: true, consumer: true, route: true,
        query: false, scheme: false, captures: false,
      }, // prettier-ignore
      options,
    );
    this.reads = [...this.#reader.reads, SERVICE_READ, ['kong.nginx.get_var', 'remote_addr']];
  }

  /** @throws GatewayError where Kong has refused a question other than that for the body */
  read(requestId: string | undefined, answers: readonly unknown[]): WholeRequest {
    const request = this.#reader.request(requestId || randomUUID(), answers);
    const service = answerOf<KongService | undefined>(answers, answers.length - 2);
    const { consumer, headers } = request;
    return {
      id: request.id,
      uri: uriFromKong(request.uri ?? ''),
      method: request.method ?? '',
      headers,
      rawHeaders: rawHeaders(headers),
      body: request.body,
      bodyOmitted:
        request.refusal && (request.refusal.code === 'request_too_large' ? 'too_large' : 'unreadable'),
      remoteAddress: answerOf(answers, answers.length - 1),
      service: serviceName(service),
      route: named(request.route),
      consumer: named(consumer?.username || consumer?.id),
      backendUrl: service && backendUrl(service),
    };
  }
}

function backendUrl({ protocol, host, port, path }: KongService): string | undefined {
  return host && textFromKong(`${protocol}://${host}:${port}${path ?? ''}`);
}

function named(text: string | undefined): string | undefined {
  return text === undefined ? undefined : textFromKong(text);
}

function rawHeaders(headers: HttpRequest['headers']): string[] {
  return Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().flatMap((value) => [name, value]),
  );
}

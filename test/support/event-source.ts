/** A client of server-sent events that shows everything: a browser would reconnect behind the test's back. */
import { request, type IncomingMessage } from 'node:http';

export interface SeenEvent {
  readonly id: string | undefined;
  readonly name: string;
  readonly data: string;
}

export class EventSource {
  readonly events: SeenEvent[] = [];
  readonly comments: string[] = [];
  /** What a browser would come back with: an id says so without an event, too. */
  lastEventId: string | undefined;
  readonly #response: IncomingMessage;
  readonly #whenEnded: Promise<void>;
  #wake: () => void = () => undefined;
  #text = '';

  private constructor(response: IncomingMessage) {
    this.#response = response;
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.#read(text));
    this.#whenEnded = new Promise((resolve) => response.once('close', resolve));
    response.on('error', () => undefined);
  }

  static open(
    url: string,
    lastEventId?: string,
    options: { headers?: Record<string, string>; method?: string } = {},
  ): Promise<EventSource> {
    const headers = {
      accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      ...options.headers,
    };
    return new Promise((resolve, reject) => {
      const sent = request(url, { method: options.method ?? 'GET', headers, agent: false });
      sent.on('error', reject);
      sent.on('response', (response) => resolve(new EventSource(response)));
      sent.end();
    });
  }

  get status(): number {
    return this.#response.statusCode ?? 0;
  }

  get headers(): IncomingMessage['headers'] {
    return this.#response.headers;
  }

  /** The text of an answer that is no stream. */
  get rest(): string {
    return this.#text;
  }

  /** Resolves when so many events are there. */
  async count(wanted: number): Promise<SeenEvent[]> {
    while (this.events.length < wanted) {
      await Promise.race([
        new Promise<void>((resolve) => (this.#wake = resolve)),
        this.#whenEnded.then(() => {
          if (this.events.length < wanted) throw new Error(`ended after ${this.events.length} events`);
        }),
      ]);
    }
    return this.events;
  }

  async until(isTrue: () => boolean): Promise<void> {
    for (let turns = 0; !isTrue(); turns++) {
      if (turns >= 2000) throw new Error('it never became true');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async untilEnd(): Promise<SeenEvent[]> {
    await this.#whenEnded;
    return this.events;
  }

  /** It reads nothing more. */
  pause(): void {
    this.#response.pause();
  }

  close(): void {
    this.#response.destroy();
  }

  #read(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf('\n\n'); end >= 0; end = this.#text.indexOf('\n\n')) {
      this.#event(this.#text.slice(0, end).split('\n'));
      this.#text = this.#text.slice(end + 2);
    }
  }

  #event(lines: readonly string[]): void {
    const values = (field: string) =>
      lines.filter((line) => line.startsWith(`${field}: `)).map((line) => line.slice(field.length + 2));
    const data = values('data');
    this.lastEventId = values('id')[0] ?? this.lastEventId;
    if (data.length === 0) {
      this.comments.push(lines.join('\n'));
      return;
    }
    this.events.push({ id: values('id')[0], name: values('event')[0] ?? 'message', data: data.join('\n') });
    this.#wake();
  }
}

/** GET of JSON, with limits for all that a server can do: time, length, leading elsewhere. */

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly limitMs: number;
}

export interface JsonAnswer {
  readonly status: number;
  /** Undefined for what is not JSON. */
  readonly body: unknown;
  /** What the server calls itself: `kong/3.9.3`. */
  readonly server: string | undefined;
}

const MOST_BYTES = 64 * 1024 * 1024;

/** @throws Error whose message is the reason, such as ECONNREFUSED */
export async function getJson(url: URL, { headers, signal, limitMs }: GetOptions): Promise<JsonAnswer> {
  try {
    const response = await fetch(url, {
      headers: { ...headers, accept: 'application/json' },
      // A token shall not go to whoever is named in an answer.
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
    });
    const server = response.headers.get('server') ?? undefined;
    return { status: response.status, body: parsed(await boundedText(response)), server };
  } catch (error) {
    const { message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
    // It quotes the header, which may be a token.
    const reason = error instanceof TypeError ? 'a header is none that HTTP can carry' : message;
    throw new Error(cause?.message || cause?.code || reason, { cause: error });
  }
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > MOST_BYTES) throw new Error(`its answer has more than ${MOST_BYTES} bytes`);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString();
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

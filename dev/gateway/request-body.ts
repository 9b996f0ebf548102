/**
 * The request body, read when somebody asks for it. A small one stays in memory, a bigger one goes to a temporary
 * file that is gone right after the response, as in nginx.
 */
import { createReadStream } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import type { Readable } from 'node:stream';

export type StoredBody = { readonly content: Buffer } | { readonly filePath: string };

/** The client left, or sent a broken body. */
export class BodyReadError extends Error {}

export interface BodyStorage {
  /** Kong's `client_body_buffer_size`. nginx keeps a quarter more in memory before it turns to a file. */
  readonly bufferBytes: number;
  nextFilePath(): Promise<string>;
}

export class RequestBody {
  #stored: Promise<StoredBody> | undefined;
  #filePath: string | undefined;

  constructor(
    private readonly request: IncomingMessage,
    private readonly storage: BodyStorage,
  ) {}

  get filePath(): string | undefined {
    return this.#filePath;
  }

  read(): Promise<StoredBody> {
    this.#stored ??= this.#store();
    return this.#stored;
  }

  /** The body for the upstream: what was stored, else straight from the client. */
  async stream(): Promise<Readable | Buffer> {
    if (!this.#stored) return this.request;
    const stored = await this.#stored;
    return 'content' in stored ? stored.content : createReadStream(stored.filePath);
  }

  async remove(): Promise<void> {
    await this.#stored?.catch(() => undefined);
    if (this.#filePath) await rm(this.#filePath, { force: true });
  }

  async #store(): Promise<StoredBody> {
    const limitBytes = this.storage.bufferBytes * 1.25;
    const chunks: Buffer[] = [];
    let bytes = 0;
    let file: FileHandle | undefined;
    try {
      for await (const chunk of this.request as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (file) await file.write(chunk);
        else chunks.push(chunk);
        if (!file && bytes > limitBytes) {
          this.#filePath = await this.storage.nextFilePath();
          file = await open(this.#filePath, 'wx', 0o600);
          await file.write(Buffer.concat(chunks.splice(0)));
        }
      }
    } catch (error) {
      throw new BodyReadError('the request body ended early', { cause: error });
    } finally {
      await file?.close();
    }
    return this.#filePath === undefined ? { content: Buffer.concat(chunks) } : { filePath: this.#filePath };
  }
}

export function bodyFileName(number: number): string {
  return path.join('client_body_temp', String(number).padStart(10, '0'));
}

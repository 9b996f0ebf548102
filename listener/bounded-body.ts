/** Bodies of requests, read as far as they may be. */
import type { IncomingMessage } from 'node:http';

export type BodyOutcome =
  | { readonly body: Buffer; readonly done: () => void }
  | { readonly refused: 'too_large' | 'no_memory' | 'gone' };

export interface BodyLimits {
  readonly maxBytes: number;
  /** False: there is no memory for that now. */
  readonly reserve: (sizeBytes: number) => boolean;
  readonly release: (sizeBytes: number) => void;
}

/** Never rejects. What was reserved for a body is released by `done`, for all else at once. */
export function readBoundedBody(request: IncomingMessage, limits: BodyLimits): Promise<BodyOutcome> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let heldBytes = 0;
    let isOver = false;
    const release = (): void => {
      limits.release(heldBytes);
      heldBytes = 0;
    };
    const end = (outcome: BodyOutcome): void => {
      if (isOver) return;
      isOver = true;
      if ('refused' in outcome) {
        release();
        chunks.length = 0;
      }
      resolve(outcome);
    };
    if (Number(request.headers['content-length'] ?? 0) > limits.maxBytes) {
      end({ refused: 'too_large' });
      return;
    }
    request.on('data', (chunk: Buffer) => {
      if (isOver) return;
      if (heldBytes + chunk.length > limits.maxBytes) end({ refused: 'too_large' });
      else if (!limits.reserve(chunk.length)) end({ refused: 'no_memory' });
      else {
        heldBytes += chunk.length;
        chunks.push(chunk);
      }
    });
    request.on('end', () => end({ body: Buffer.concat(chunks), done: release }));
    request.on('close', () => end({ refused: 'gone' }));
    request.on('error', () => end({ refused: 'gone' }));
  });
}

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';

/** Builds under a temporary name and renames it into place: what is interrupted is never taken for a whole. */
export async function buildAside(path: string, build: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${process.pid}-${randomUUID().slice(0, 8)}`;
  try {
    await build(temporary);
    await rename(temporary, path).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was faster; theirs is as good as ours.
      if (!existsSync(path)) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

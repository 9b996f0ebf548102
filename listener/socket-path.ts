/**
 * The file name of a listening Unix socket.
 *
 * The socket is bound in a folder of its own, which nobody else may enter, and renamed over the wanted name when its
 * rights are set: so it never has wider rights than meant, whatever the umask; there is no moment without a socket; a
 * successor takes over by doing the same; and node, which removes the name it has bound when it closes, removes
 * nothing. The name is removed at the end only while it is still ours.
 */

import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  type BigIntStats,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { log } from '../bridge/telemetry/log';

/** Owner and group: Kong's workers usually run under another user of the same group. */
const MODE = 0o660;
/** `sun_path` of Linux, without the closing NUL. macOS has 103. */
const MAX_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;
/** Short, because the name that is bound has the same limit: `.kkb-` and six characters, then `/s`. */
const FOLDER_PREFIX = '.kkb-';
const FOLDER_NAME = /^\.kkb-[A-Za-z0-9]{6}$/;
const NAME_INSIDE = 's';
/** `/.kkb-XXXXXX/s` */
const BOUND_NAME_BYTES = 1 + FOLDER_PREFIX.length + 6 + 2;
/** A start binds and renames within seconds; what is older was left behind by a process that was killed. */
const LEFT_BEHIND_MS = 10 * 60 * 1000;

/** A path that cannot be listened on; the message is one sentence for the operator. */
export class SocketPathError extends Error {
  override readonly name = 'SocketPathError';
}

/** Who has the name: this process, nobody, another one, or this one has not taken it. */
export type SocketHolder = 'own' | 'nobody' | 'other' | 'not taken';

/** What a server listens under, and who has it. */
export interface SocketName {
  readonly path: string;
  readonly holder: SocketHolder;
  readonly owned: boolean;
  /** @returns what to listen on: a name to bind, or what another process has bound. @throws SocketPathError */
  prepare(): string | { readonly fd: number };
  /** @throws SocketPathError */
  claim(): void;
  release(): void;
  error(reason: string): SocketPathError;
}

export class SocketPath implements SocketName {
  private folder: string | undefined;
  private inode: bigint | undefined;

  constructor(readonly path: string) {}

  /** Before binding. @returns the name to bind. @throws SocketPathError */
  prepare(): string {
    const parentPath = dirname(this.path);
    const longestBytes = Math.max(
      Buffer.byteLength(this.path),
      Buffer.byteLength(parentPath) + BOUND_NAME_BYTES,
    );
    if (longestBytes > MAX_PATH_BYTES) {
      throw this.error(
        `the path, or that of the folder and ${BOUND_NAME_BYTES} more, is longer than the ${MAX_PATH_BYTES} bytes ` +
          'a socket path can have',
      );
    }
    const parent = this.stat(parentPath);
    if (parent === undefined) throw this.error('its folder does not exist');
    if (!parent.isDirectory()) throw this.error(`${parentPath} is not a folder`);
    const existing = this.stat(this.path);
    if (existing?.isDirectory()) throw this.error('it is a folder');
    if (existing !== undefined && !existing.isSocket())
      throw this.error('a file that is not a socket is in its place');
    sweep(parentPath);
    this.removeFolder();
    try {
      this.folder = mkdtempSync(join(parentPath, FOLDER_PREFIX));
    } catch (error) {
      throw this.error(messageOf(error));
    }
    return this.boundPath;
  }

  /** After binding: takes the wanted name, from whoever has it. @throws SocketPathError */
  claim(): void {
    try {
      chmodSync(this.boundPath, MODE);
      // Not of the name: another process may take that at the same moment.
      const { ino } = statSync(this.boundPath, { bigint: true });
      renameSync(this.boundPath, this.path);
      this.inode = ino;
    } catch (error) {
      throw this.error(messageOf(error));
    }
    this.removeFolder();
  }

  get holder(): SocketHolder {
    if (this.inode === undefined) return 'not taken';
    try {
      const found = lstatSync(this.path, { bigint: true, throwIfNoEntry: false });
      if (found === undefined) return 'nobody';
      // The number cannot have been given to another file: ours exists as long as it is bound.
      return found.ino === this.inode ? 'own' : 'other';
    } catch {
      return 'nobody';
    }
  }

  /** False once another process has taken the name, or something has removed it: Kong no longer finds us. */
  get owned(): boolean {
    return this.holder === 'own';
  }

  /** Removes the name if it is still ours, and what was bound and not renamed. */
  release(): void {
    try {
      if (this.owned) unlinkSync(this.path);
    } catch {
      // Whoever comes next takes it over.
    }
    this.inode = undefined;
    this.removeFolder();
  }

  error(reason: string): SocketPathError {
    return new SocketPathError(`Cannot listen on ${this.path}: ${reason}.`);
  }

  private get boundPath(): string {
    return join(this.folder as string, NAME_INSIDE);
  }

  private removeFolder(): void {
    if (this.folder === undefined) return;
    removeQuietly(this.folder);
    this.folder = undefined;
  }

  private stat(path: string): BigIntStats | undefined {
    try {
      return lstatSync(path, { bigint: true, throwIfNoEntry: false });
    } catch (error) {
      throw this.error(messageOf(error));
    }
  }
}

/** Removes the folders of processes that were killed between binding and renaming. */
function sweep(parent: string): void {
  try {
    for (const name of readdirSync(parent)) {
      if (!FOLDER_NAME.test(name)) continue;
      const folder = join(parent, name);
      const found = lstatSync(folder, { throwIfNoEntry: false });
      if (found === undefined || !found.isDirectory() || found.uid !== process.getuid?.()) continue;
      if (Date.now() - found.mtimeMs > LEFT_BEHIND_MS) removeQuietly(folder);
    }
  } catch {
    // A folder that can be entered and not listed: whatever lies there stays.
  }
}

function removeQuietly(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    log.warn('a folder that is no longer needed cannot be removed', { folder, reason: messageOf(error) });
  }
}

/** The file errors an operator will meet. */
const FILE_ERRORS: Record<string, string> = {
  EACCES: 'this user lacks the permission',
  EPERM: 'this user lacks the permission',
  ENOENT: 'its folder does not exist',
  EROFS: 'the file system is read-only',
};

export function messageOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return FILE_ERRORS[code] ?? (error instanceof Error ? error.message : String(error));
}

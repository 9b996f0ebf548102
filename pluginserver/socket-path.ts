/**
 * The file name of a listening Unix socket.
 *
 * The socket is bound under a name of its own and renamed over the wanted one: so there is no moment without a
 * socket, a successor takes over by doing the same, and node, which removes the name it has bound when it closes,
 * removes nothing. The name is removed at the end only while it is still ours.
 */

import { chmodSync, lstatSync, renameSync, statSync, unlinkSync, type BigIntStats } from 'node:fs';
import { dirname } from 'node:path';

/** Owner and group: Kong's workers usually run under another user of the same group. */
const MODE = 0o660;
/** `sun_path` of Linux, without the closing NUL. macOS has 103. */
const MAX_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;

/** A path that cannot be listened on; the message is one sentence for the operator. */
export class SocketPathError extends Error {
  override readonly name = 'SocketPathError';
}

export class SocketPath {
  /** The name to bind. */
  readonly bindPath: string;
  private inode: bigint | undefined;

  constructor(readonly path: string) {
    this.bindPath = `${path}.${process.pid}`;
  }

  /** Before binding. @throws SocketPathError */
  prepare(): void {
    if (Buffer.byteLength(this.bindPath) > MAX_PATH_BYTES) {
      throw this.error(
        `"${this.bindPath}" is longer than the ${MAX_PATH_BYTES} bytes a socket path can have`,
      );
    }
    const parent = this.stat(dirname(this.path));
    if (parent === undefined) throw this.error('its folder does not exist');
    if (!parent.isDirectory()) throw this.error(`${dirname(this.path)} is not a folder`);
    const existing = this.stat(this.path);
    if (existing?.isDirectory()) throw this.error('it is a folder');
    if (existing !== undefined && !existing.isSocket())
      throw this.error('a file that is not a socket is in its place');
    // Left behind by a process that had our pid.
    if (this.stat(this.bindPath)?.isSocket()) unlinkSync(this.bindPath);
  }

  /** After binding: takes the wanted name, from whoever has it. @throws SocketPathError */
  claim(): void {
    try {
      chmodSync(this.bindPath, MODE);
      renameSync(this.bindPath, this.path);
      this.inode = statSync(this.path, { bigint: true }).ino;
    } catch (error) {
      throw this.error(messageOf(error));
    }
  }

  /** False once another process has taken the name, or something has removed it: Kong no longer finds us. */
  get owned(): boolean {
    if (this.inode === undefined) return false;
    try {
      return statSync(this.path, { bigint: true }).ino === this.inode;
    } catch {
      return false;
    }
  }

  /** Removes the name if it is still ours. */
  release(): void {
    if (this.owned) unlinkSync(this.path);
    this.inode = undefined;
  }

  error(reason: string): SocketPathError {
    return new SocketPathError(`Cannot listen on ${this.path}: ${reason}.`);
  }

  private stat(path: string): BigIntStats | undefined {
    try {
      return lstatSync(path, { bigint: true, throwIfNoEntry: false });
    } catch (error) {
      throw this.error(messageOf(error));
    }
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

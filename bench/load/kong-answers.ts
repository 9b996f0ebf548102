/**
 * What a stand-in for a Kong worker answers to calls of the PDK. Answers are encoded beforehand and only get the nonce of
 * their request.
 */
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeBytes, encodeString, encodeStruct } from '../../pluginserver/messages';
import { BYTES, ProtoWriter, tagOf } from '../../pluginserver/wire';
import { METHOD, requestHeaders } from './kong-events';
import { logEntryText } from './log-entry';
import { BODY_LENGTH, bodyOf, NONCE_LENGTH } from './payload';

/** Larger bodies are in a file, as with nginx's own buffer size. */
const MOST_BYTES_IN_MEMORY = 8 * 1024;
const BODY_FILE = tagOf(2, BYTES);
const GET_RAW_BODY = 'kong.request.get_raw_body';

/** A frame with room for the nonce at known places. */
class Template {
  readonly #frame: Buffer;
  readonly #nonceAt: number[] = [];

  constructor(make: (nonce: string) => Buffer) {
    const placeholder = '#'.repeat(NONCE_LENGTH);
    this.#frame = make(placeholder);
    let at = this.#frame.indexOf(placeholder);
    while (at >= 0) {
      this.#nonceAt.push(at);
      at = this.#frame.indexOf(placeholder, at + NONCE_LENGTH);
    }
  }

  with(nonce: string): Buffer {
    if (this.#nonceAt.length === 0) return this.#frame;
    const frame = Buffer.from(this.#frame);
    for (const at of this.#nonceAt) frame.write(nonce, at, 'latin1');
    return frame;
  }
}

export class KongAnswers {
  /** Method name -> Kong's answer. */
  readonly #templates: ReadonlyMap<string, Template>;
  readonly #bodyFiles: BodyFiles | undefined;

  constructor(bodyBytes = BODY_LENGTH) {
    this.#bodyFiles = bodyBytes > MOST_BYTES_IN_MEMORY ? new BodyFiles(bodyBytes) : undefined;
    this.#templates = new Map([
      ['kong.nginx.get_var', new Template((nonce) => encodeString(nonce))],
      ['kong.request.get_method', new Template(() => encodeString(METHOD))],
      ['kong.request.get_headers', new Template((nonce) => encodeStruct(requestHeaders(nonce, bodyBytes)))],
      [
        GET_RAW_BODY,
        new Template((nonce) => encodeBytes(Buffer.from(this.#bodyFiles ? '' : bodyOf(nonce, bodyBytes)))),
      ],
      ['kong.service.request.set_header', new Template(() => Buffer.alloc(4))],
      ['kong.nginx.set_ctx', new Template(() => Buffer.alloc(4))],
      ['kong.log.err', new Template(() => Buffer.alloc(4))],
      ['kong.log.serialize', new Template((nonce) => encodeString(logEntryText(nonce)))],
      ['kong.nginx.get_subsystem', new Template(() => encodeString('http'))],
      // A value without a kind: nobody has set it.
      ['kong.ctx.shared.get', new Template(() => Buffer.alloc(4))],
      ['kong.ctx.shared.set', new Template(() => Buffer.alloc(4))],
    ]);
  }

  /** Undefined for a call that nobody here makes. */
  to(method: string, nonce: string): Buffer | undefined {
    if (this.#bodyFiles && method === GET_RAW_BODY) return encodeBodyFile(this.#bodyFiles.write(nonce));
    return this.#templates.get(method)?.with(nonce);
  }

  /** The request is over. */
  forget(nonce: string): void {
    this.#bodyFiles?.remove(nonce);
  }
}

/** A file for each request with a large body, as nginx keeps them, and under such a name. Nothing is left between loads. */
class BodyFiles {
  readonly #paths = new Map<string, string>();
  #folder: string | undefined;
  #count = 0;

  constructor(private readonly bodyBytes: number) {}

  /** @returns its path */
  write(nonce: string): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'bodies-'));
    const path = join(this.#folder, String(++this.#count).padStart(10, '0'));
    writeFileSync(path, bodyOf(nonce, this.bodyBytes));
    this.#paths.set(nonce, path);
    return path;
  }

  remove(nonce: string): void {
    const path = this.#paths.get(nonce);
    if (path === undefined) return;
    this.#paths.delete(nonce);
    rmSync(path);
    if (this.#paths.size > 0 || this.#folder === undefined) return;
    rmdirSync(this.#folder);
    this.#folder = undefined;
  }
}

function encodeBodyFile(path: string): Buffer {
  const writer = new ProtoWriter();
  writer.frame();
  writer.string(BODY_FILE, path);
  return writer.finish();
}

/**
 * PEM text as OpenSSL reads it, whatever became of its line breaks on the way: an input of one line makes blanks of them
 * or drops them, an environment variable often has `\n` in two characters.
 */

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([^]*?)-----END \1-----/g;
/** How keys were encrypted before PKCS #8: two headers, an empty line, and then the key. */
const ENCRYPTED_BODY = /^Proc-Type: *4,ENCRYPTED\s+DEK-Info: *([A-Z0-9-]+,[0-9A-Fa-f]+)\s+([^]*)$/;
const ESCAPED_BREAK = /\\r\\n|\\[rn]/g;
const LINE_LENGTH = 64;

/** One BEGIN to END. */
export interface PemBlock {
  /** `CERTIFICATE`, `RSA PRIVATE KEY` … */
  readonly label: string;
  readonly isEncrypted: boolean;
  readonly text: string;
}

/** In the order of the text; what stands between blocks is left out. */
export function pemBlocks(pasted: string): PemBlock[] {
  return [...pasted.replace(ESCAPED_BREAK, '\n').matchAll(BLOCK)].map(([, label = '', body = '']) => {
    const [, encryption, encrypted = ''] = ENCRYPTED_BODY.exec(body.trim()) ?? [];
    const lines =
      encryption === undefined
        ? linesOf(body)
        : ['Proc-Type: 4,ENCRYPTED', `DEK-Info: ${encryption}`, '', ...linesOf(encrypted)];
    return {
      label,
      isEncrypted: encryption !== undefined || label === 'ENCRYPTED PRIVATE KEY',
      text: [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n'),
    };
  });
}

export function pemText(pasted: string): string {
  return pemBlocks(pasted)
    .map(({ text }) => text)
    .join('');
}

function linesOf(base64: string): string[] {
  const whole = base64.replace(/\s/g, '');
  const lines: string[] = [];
  for (let at = 0; at < whole.length; at += LINE_LENGTH) lines.push(whole.slice(at, at + LINE_LENGTH));
  return lines;
}

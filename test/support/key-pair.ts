/** Keys and certificates for tests without a broker, made with openssl when they run: none is in the repository. */
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';

export interface KeyPair {
  readonly certificate: string;
  /** PKCS #8, not encrypted. */
  readonly key: string;
}

const ELLIPTIC = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];

/** @param algorithm as openssl's `-newkey` has it */
export function newKeyPair(algorithm: readonly string[] = ELLIPTIC): KeyPair {
  const both = execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', ...algorithm, '-nodes', '-keyout', '-', '-out', '-', '-days', '2', '-subj', '/CN=gateway'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  ); // prettier-ignore
  const block = (label: string) =>
    new RegExp(`-----BEGIN ${label}-----[^]+-----END ${label}-----\n`).exec(both)![0];
  return { certificate: block('CERTIFICATE'), key: block('PRIVATE KEY') };
}

/** @param type `pkcs8`, or one of the forms before it, which encrypt with headers inside the block */
export function encrypted(key: string, type: 'pkcs8' | 'pkcs1' | 'sec1', passphrase: string): string {
  return createPrivateKey(key).export({ format: 'pem', type, cipher: 'aes-256-cbc', passphrase }).toString();
}

/** Certificates for a broker on 127.0.0.1 and its clients, made with openssl at test time: none is in the repository. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface KeyPair {
  readonly certificate: string;
  /** PKCS #8, not encrypted. */
  readonly key: string;
}

export interface Certificates {
  readonly ca: string;
  /** An authority that has signed nothing here. */
  readonly strangeCa: string;
  readonly server: KeyPair;
  readonly expired: KeyPair;
  /** For `elsewhere.example`, not for 127.0.0.1. */
  readonly elsewhere: KeyPair;
  /** Its common name is `gateway`. */
  readonly client: KeyPair;
  /** The key of `client` again, encrypted. */
  readonly clientKeyEncrypted: string;
  readonly clientKeyPassword: string;
  /** Signed by `strangeCa`. */
  readonly strangeClient: KeyPair;
}

const HERE = 'DNS:localhost,IP:127.0.0.1';
const KEY_PASSWORD = 'planted-key-password';

/** @param folder gets the files; about 0.3 s */
export async function makeCertificates(folder: string): Promise<Certificates> {
  await mkdir(folder, { recursive: true });
  const path = (name: string) => join(folder, name);
  const read = (name: string) => readFile(path(name), 'utf8');
  const openssl = async (...args: string[]) => {
    try {
      await run('openssl', args, { cwd: folder });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new Error('Cannot run openssl: install it to make test certificates.', { cause: error });
      throw error;
    }
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const authority = (name: string) =>
    openssl('req', '-x509', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.crt`, '-days', '2', '-subj', `/CN=${name}`); // prettier-ignore

  const issue = async (name: string, options: { ca: string; cn: string; names?: string; past?: boolean }) => {
    await openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${options.cn}`); // prettier-ignore
    await writeFile(path(`${name}.ext`), options.names ? `subjectAltName=${options.names}\n` : '');
    // -days takes a negative number: it expired a day ago.
    await openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${options.ca}.crt`, '-CAkey', `${options.ca}.key`, '-set_serial', String(Math.floor(Math.random() * 1e9)), '-days', options.past ? '-1' : '2', '-extfile', `${name}.ext`, '-out', `${name}.crt`); // prettier-ignore
    return { certificate: await read(`${name}.crt`), key: await read(`${name}.key`) };
  };

  await Promise.all([authority('ca'), authority('strange-ca')]);
  const [server, expired, elsewhere, client, strangeClient] = await Promise.all([
    issue('server', { ca: 'ca', cn: 'broker', names: HERE }),
    issue('expired', { ca: 'ca', cn: 'broker', names: HERE, past: true }),
    issue('elsewhere', { ca: 'ca', cn: 'elsewhere.example', names: 'DNS:elsewhere.example' }),
    issue('client', { ca: 'ca', cn: 'gateway' }),
    issue('strange-client', { ca: 'strange-ca', cn: 'gateway' }),
  ]);
  await openssl('pkcs8', '-topk8', '-in', 'client.key', '-out', 'client-encrypted.key', '-passout', `pass:${KEY_PASSWORD}`); // prettier-ignore
  return {
    ca: await read('ca.crt'),
    strangeCa: await read('strange-ca.crt'),
    server,
    expired,
    elsewhere,
    client,
    clientKeyEncrypted: await read('client-encrypted.key'),
    clientKeyPassword: KEY_PASSWORD,
    strangeClient,
  };
}

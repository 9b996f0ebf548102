/**
 * Certificates and keys, looked at when a configuration comes. The client library would find the same mistakes, since it
 * uses the OpenSSL of Node.js, but only when it connects, and every request of the route would tell of a broker.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { pemBlocks, pemText, type PemBlock } from './pem';

export interface TlsMaterial {
  readonly ca_certificate: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly key_password: string | undefined;
}

/**
 * @param path of the record that has the options
 * @returns one sentence without any of the text, or undefined
 */
export function tlsComplaint(
  { ca_certificate, certificate, key, key_password }: TlsMaterial,
  path = 'security',
): string | undefined {
  return (
    unreadableCertificate(`${path}.ca_certificate`, ca_certificate) ??
    unreadableCertificate(`${path}.certificate`, certificate) ??
    (key === undefined ? undefined : keyComplaint(path, key, key_password, certificate))
  );
}

function unreadableCertificate(option: string, pem: string | undefined): string | undefined {
  if (pem === undefined) return undefined;
  const certificates = pemBlocks(pem).filter(isCertificate);
  if (certificates.length === 0) return `${option}: has no certificate in it`;
  const unreadable = certificates.findIndex(({ text }) => certificateOf(text) === undefined);
  if (unreadable === -1) return undefined;
  const which = certificates.length === 1 ? 'the' : `number ${unreadable + 1} of the`;
  return `${option}: ${which} certificate${certificates.length === 1 ? '' : 's'} in it cannot be read; a part of the text may be missing`;
}

function keyComplaint(
  path: string,
  pem: string,
  password: string | undefined,
  certificate: string | undefined,
) {
  const isEncrypted = pemBlocks(pem).some((block) => block.isEncrypted);
  if (isEncrypted && password === undefined)
    return `${path}.key_password: required, because ${path}.key is encrypted`;
  const key = privateKeyOf(pem, password);
  if (key === undefined) {
    return isEncrypted
      ? `${path}.key_password: does not open ${path}.key`
      : `${path}.key: the key in it cannot be read; a part of the text may be missing`;
  }
  const own = certificate === undefined ? undefined : pemBlocks(certificate).find(isCertificate);
  return own !== undefined && certificateOf(own.text)?.checkPrivateKey(key) === false
    ? `${path}.key: is not the key of ${path}.certificate`
    : undefined;
}

/** Others, such as TRUSTED CERTIFICATE, the client library skips. */
function isCertificate({ label }: PemBlock): boolean {
  return label === 'CERTIFICATE' || label === 'X509 CERTIFICATE';
}

function certificateOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined; // OpenSSL's reasons help nobody
  }
}

function privateKeyOf(pem: string, password: string | undefined): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pemText(pem), ...(password !== undefined && { passphrase: password }) });
  } catch {
    return undefined;
  }
}

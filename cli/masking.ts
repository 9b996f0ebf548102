/** Secrets in record headers, which nobody needs to see to find out what became of a record. */
import { plainName, REDACTED, REDACTED_BY_DEFAULT, redactUrl } from '../bridge/log-entry/redaction';
import { isCredential } from '../bridge/request/reserved-headers';
import type { PluginEntity } from './kong-config/entities';

/** @returns the value as it may be shown */
export type Mask = (headerName: string, value: string) => string;

/** @param names of headers and query arguments, besides those that always are secrets */
export function maskOf(names: readonly string[] = []): Mask {
  const secret = new Set([...REDACTED_BY_DEFAULT, ...names].map(plainName));
  const isSecret = (name: string): boolean => secret.has(plainName(name)) || isCredential(name);
  return (name, value) => (isSecret(name) ? REDACTED : redactUrl(value, isSecret));
}

/** Members in which Kong's authentication plugins name where credentials are. */
const NAMING_OPTIONS = [
  'key_names',
  'header_names',
  'cookie_names',
  'uri_param_names',
  'auth_header_name',
  'client_arg',
];

/** The names that authentication plugins of a configuration have for credentials. */
export function credentialNames(plugins: readonly Pick<PluginEntity, 'config'>[]): readonly string[] {
  return plugins.flatMap(({ config }) =>
    NAMING_OPTIONS.flatMap((option) => config[option]).filter((name) => typeof name === 'string'),
  );
}

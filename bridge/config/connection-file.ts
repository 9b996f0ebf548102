/** How to reach a cluster, for the commands: JSON with the options that the plugins have for it, checked as theirs are. */
import { GatewayError } from '../errors';
import type { ConnectionOptions } from '../kafka/connection';
import { CONNECTION_OPTIONS, CONNECTION_RULES, connectionOf } from './connection-options';
import type { OptionTable } from './fields';
import { configParser } from './parse';
import { BOOTSTRAP_SERVER_LIST } from './shared-options';

const TABLE = [
  {
    ...BOOTSTRAP_SERVER_LIST,
    name: 'bootstrap_servers',
    required: true,
    description: 'Brokers to start from.',
  },
  ...CONNECTION_OPTIONS,
] as const satisfies OptionTable;

const parse = configParser(TABLE, CONNECTION_RULES);

/**
 * @param raw `bootstrap_servers`, `authentication`, `security` and so on
 * @throws GatewayError `misconfigured`; its detail names the option and never holds a value
 */
export function connectionFromOptions(raw: unknown, clientId: string): ConnectionOptions {
  const config = parse(raw);
  return { ...connectionOf(config, config.bootstrap_servers), clientId };
}

/** @throws Error with the reason, which holds nothing of the file @param text what stands in the file */
export function connectionFromJson(text: string, clientId: string): ConnectionOptions {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    // JSON.parse quotes what it cannot read, and that may be a password.
    throw new Error('not JSON');
  }
  try {
    return connectionFromOptions(raw, clientId);
  } catch (error) {
    throw error instanceof GatewayError ? new Error(error.detail) : error;
  }
}

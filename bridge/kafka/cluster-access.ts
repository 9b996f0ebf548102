/** What a managed client has to know of its cluster: its name in logs, how to log in, what never to say. */
import type { ConnectionOptions } from './connection';
import { OauthLogin } from './oauth-login';
import { redactor } from './redaction';

export interface ClusterAccess {
  /** Equal for all clients of a cluster: they share its part of the thread pool. */
  readonly cluster: object;
  readonly bootstrapServers: readonly string[];
  readonly clusterName: string | undefined;
  /** Only where a login takes more than properties. */
  readonly login: OauthLogin | undefined;
  /** For every text that somebody else wrote. */
  redact(text: string): string;
}

/** What metrics call a cluster. */
export function clusterLabel({
  clusterName,
  bootstrapServers,
}: Pick<ConnectionOptions, 'clusterName' | 'bootstrapServers'>): string {
  return clusterName ?? bootstrapServers.join(',');
}

/** One for each client: a login supplies one client with tokens. */
export function clusterAccess(connection: ConnectionOptions): ClusterAccess {
  const { sasl, bootstrapServers, clusterName } = connection;
  const login = sasl?.mechanism === 'OAUTHBEARER' ? new OauthLogin(sasl.oauth) : undefined;
  return {
    cluster: connection,
    bootstrapServers,
    clusterName,
    login,
    redact: redactor(connection, () => [login?.token]),
  };
}

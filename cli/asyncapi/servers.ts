/** The brokers of a document, without anything that would let somebody in. */
import { isTable, text, type Table } from '../kong-config/entities';
import { freeName, idOf, type Json } from './json';

export interface Servers {
  readonly servers: Record<string, Json>;
  readonly securitySchemes: Record<string, Json>;
  /** References to the servers of a configuration. */
  of(written: Table): Json[];
}

const SCHEMES: Readonly<Record<string, string>> = {
  PLAIN: 'plain',
  'SCRAM-SHA-256': 'scramSha256',
  'SCRAM-SHA-512': 'scramSha512',
};

export function serverList(): Servers {
  const servers: Record<string, Json> = {};
  const securitySchemes: Record<string, Json> = {};
  const known = new Map<string, Json[]>();
  return {
    servers,
    securitySchemes,
    of: (written) => {
      const cluster = clusterOf(written);
      const key = JSON.stringify(cluster);
      const before = known.get(key);
      if (before) return before;
      const references = cluster.hosts.map((host) => {
        const id = freeName(idOf(cluster.name ?? 'kafka'), servers);
        const scheme = schemeOf(cluster);
        servers[id] = {
          host,
          protocol: cluster.isSecure ? 'kafka-secure' : 'kafka',
          description: 'A broker to start from; the rest of the cluster is learned from it.',
          ...(scheme && { security: [{ $ref: `#/components/securitySchemes/${scheme.id}` }] }),
        };
        if (scheme) securitySchemes[scheme.id] = scheme.scheme;
        return { $ref: `#/servers/${id}` };
      });
      known.set(key, references);
      return references;
    },
  };
}

interface Cluster {
  readonly hosts: readonly string[];
  readonly name: string | undefined;
  readonly isSecure: boolean;
  readonly hasCertificate: boolean;
  readonly mechanism: string | undefined;
  readonly tokenUrl: string | undefined;
}

function clusterOf(written: Table): Cluster {
  const { bootstrap_servers, security, authentication } = written;
  const tls = isTable(security) ? security : {};
  const login = isTable(authentication) ? authentication : {};
  const oauth = isTable(login.oauthbearer) ? login.oauthbearer : {};
  const brokers = Array.isArray(bootstrap_servers) ? bootstrap_servers.filter(isTable) : [];
  const tokenUrl = text(oauth.token_endpoint_url);
  return {
    hosts: brokers.map(({ host, port }) => `${String(host)}:${String(port)}`),
    name: text(written.cluster_name),
    isSecure: tls.ssl === true,
    hasCertificate: tls.certificate !== undefined && tls.certificate !== null,
    mechanism: text(login.mechanism),
    tokenUrl: tokenUrl !== undefined && URL.canParse(tokenUrl) ? withoutUser(tokenUrl) : undefined,
  };
}

function withoutUser(address: string): string {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  url.search = '';
  return url.href;
}

function schemeOf({
  mechanism,
  tokenUrl,
  hasCertificate,
}: Cluster): { id: string; scheme: Json } | undefined {
  if (mechanism === 'OAUTHBEARER' && tokenUrl !== undefined)
    return {
      id: 'oauthbearer',
      scheme: {
        type: 'oauth2',
        description: 'SASL OAUTHBEARER',
        flows: { clientCredentials: { tokenUrl, availableScopes: {} } },
      },
    };
  const type = mechanism === undefined ? undefined : SCHEMES[mechanism];
  if (type !== undefined) return { id: type, scheme: { type, description: `SASL ${mechanism}` } };
  return hasCertificate
    ? { id: 'x509', scheme: { type: 'X509', description: 'A client certificate' } }
    : undefined;
}

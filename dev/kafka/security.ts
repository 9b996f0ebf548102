/**
 * A broker with one listener per way to be secured, beside the plaintext one, and with access control.
 *
 * On the plaintext listener and on those with TLS alone a client is `User:ANONYMOUS`, which may do everything here: the
 * tests administer the broker over it. `alice` may do what she is granted; every other user may do everything.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificates, KeyPair } from './certificates';

/** Listener -> security protocol. */
export const LISTENERS = {
  /** PLAIN and SCRAM without TLS. */
  sasl: 'SASL_PLAINTEXT',
  /** PLAIN and SCRAM over TLS. */
  saslssl: 'SASL_SSL',
  tls: 'SSL',
  /** Asks for a client certificate. */
  mtls: 'SSL',
  /** Its certificate has expired. */
  expired: 'SSL',
  /** Its certificate is for another host. */
  elsewhere: 'SSL',
  /** OAUTHBEARER with signed tokens. */
  oauth: 'SASL_PLAINTEXT',
} as const;

export type ListenerName = keyof typeof LISTENERS;
export const LISTENER_NAMES = Object.keys(LISTENERS) as ListenerName[];

export interface KafkaSecurity {
  readonly certificates: Certificates;
  /** Passwords of the users of PLAIN. Those of SCRAM are set later (access.ts). */
  readonly plainUsers: Readonly<Record<string, string>>;
  /** Where the broker finds the keys that tokens are signed with. */
  readonly jwksUrl: string;
  /** What tokens must name as their audience. */
  readonly audience: string;
}

/** A token that is older than this must be shown again, or sooner when it expires. */
const LONGEST_SESSION_MS = 60_000;

const MODULES = 'org.apache.kafka.common.security';
const SERVER_LOGIN = `${MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`;

/** Writes what the listeners need below `folder`. @returns lines of server.properties */
export async function securityProperties(
  folder: string,
  security: KafkaSecurity,
  ports: { plain: number; controller: number } & Record<ListenerName, number>,
): Promise<Record<string, string>> {
  await mkdir(folder, { recursive: true });
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const pem = ({ key, certificate }: KeyPair) => key + certificate;
  const { certificates } = security;
  const users = Object.entries(security.plainUsers).map(([name, word]) => `user_${name}="${word}"`);
  const logins = (listener: ListenerName): Record<string, string> => ({
    [`listener.name.${listener}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    [`listener.name.${listener}.plain.sasl.jaas.config`]: `${MODULES}.plain.PlainLoginModule required ${users.join(' ')};`,
    ...Object.fromEntries(
      ['256', '512'].map((bits) => [
        `listener.name.${listener}.scram-sha-${bits}.sasl.jaas.config`,
        `${MODULES}.scram.ScramLoginModule required;`,
      ]),
    ),
  });
  return {
    listeners: [
      `PLAINTEXT://127.0.0.1:${ports.plain}`,
      ...LISTENER_NAMES.map((name) => `${name.toUpperCase()}://127.0.0.1:${ports[name]}`),
      `CONTROLLER://127.0.0.1:${ports.controller}`,
    ].join(','),
    'listener.security.protocol.map': [
      'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      ...LISTENER_NAMES.map((name) => `${name.toUpperCase()}:${LISTENERS[name]}`),
    ].join(','),
    ...logins('sasl'),
    ...logins('saslssl'),
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': await file('server.pem', pem(certificates.server)),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': await file('ca.pem', certificates.ca),
    'ssl.client.auth': 'none',
    'listener.name.expired.ssl.keystore.type': 'PEM',
    'listener.name.expired.ssl.keystore.location': await file('expired.pem', pem(certificates.expired)),
    'listener.name.elsewhere.ssl.keystore.type': 'PEM',
    'listener.name.elsewhere.ssl.keystore.location': await file('elsewhere.pem', pem(certificates.elsewhere)),
    'listener.name.mtls.ssl.client.auth': 'required',
    'listener.name.mtls.ssl.principal.mapping.rules': 'RULE:^CN=([^,]+).*$/$1/,DEFAULT',
    'listener.name.oauth.sasl.enabled.mechanisms': 'OAUTHBEARER',
    // The broker wants to log in as well, although it never connects over this listener.
    'listener.name.oauth.oauthbearer.sasl.jaas.config': SERVER_LOGIN,
    'listener.name.oauth.oauthbearer.sasl.server.callback.handler.class': `${MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler`,
    'listener.name.oauth.oauthbearer.sasl.oauthbearer.jwks.endpoint.url': security.jwksUrl,
    'listener.name.oauth.oauthbearer.sasl.oauthbearer.expected.audience': security.audience,
    'listener.name.oauth.oauthbearer.connections.max.reauth.ms': String(LONGEST_SESSION_MS),
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': 'false',
    'super.users': ['ANONYMOUS', 'gateway', 'broker'].map((name) => `User:${name}`).join(';'),
  };
}

export function securityJvmFlags({ jwksUrl }: KafkaSecurity): string[] {
  return [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${jwksUrl}`];
}

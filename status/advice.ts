/**
 * What to do about a cause, in one table. A cause is what the gateway says of it: the reason why a configuration is not
 * ready, a hint about replies, or the code of an error. The first row that fits counts.
 */
export interface Advice {
  /** Of this cause; for tests and for whoever wants to find the row. */
  readonly cause: string;
  /** What is wrong, in a sentence that needs no knowledge of the inside. */
  readonly what: string;
  readonly todo: string;
  /** Of docs/troubleshooting.md. */
  readonly section: string;
}

interface Row extends Advice {
  /** Matches a reason, or the detail of an error. */
  readonly reason?: RegExp;
  readonly hint?: string;
  readonly code?: string;
}

const NOT_READY = 'not_ready-503';
const HINTS = 'hints-about-replies';

const ROWS: readonly Row[] = [
  // Why there is no connection
  {
    cause: 'wrong password',
    reason: /SASL authentication error(?!.*invalid_token)|mechanism handshake failed/i,
    what: 'The brokers refuse the login.',
    todo: 'Check authentication.user, .password and .mechanism. The user needs credentials for exactly that mechanism.',
    section: NOT_READY,
  },
  {
    cause: 'token refused',
    reason: /token/i,
    what: 'There is no token that the brokers accept.',
    todo: 'Check authentication.oauthbearer, that the token endpoint can be reached from here, and the clocks.',
    section: NOT_READY,
  },
  {
    cause: 'certificate not trusted or expired',
    reason: /certificate is not trusted, has expired/,
    what: 'The certificate of the brokers is not trusted, has expired, or is for another host.',
    todo: 'Look at its dates and names with: openssl s_client -connect host:port. Then renew it, or set security.ca_certificate to the authority that signed it.',
    section: NOT_READY,
  },
  {
    cause: 'client certificate refused',
    reason: /does not accept the client certificate/,
    what: 'The brokers do not accept our certificate, or miss one.',
    todo: 'Check security.certificate and security.key: their dates, and that the brokers trust who signed them.',
    section: NOT_READY,
  },
  {
    cause: 'TLS or login expected',
    reason:
      /listener want TLS|may want TLS|PLAINTEXT broker listener|SSL handshake|ssl3_|wrong version number/i,
    what: 'The port answers, but does not speak what is configured.',
    todo: 'Compare security.ssl, authentication.strategy and the port with the listeners of the brokers.',
    section: NOT_READY,
  },
  {
    cause: 'key not readable',
    reason: /security\.(key|certificate|ca_certificate|key_password)/,
    what: 'A certificate or key of the configuration cannot be used.',
    todo: 'The reason names the option. Check that it is complete PEM text, and security.key_password.',
    section: NOT_READY,
  },
  {
    cause: 'broker name unknown',
    reason: /Failed to resolve|getaddrinfo|Name or service not known|Temporary failure in name resolution/i,
    what: 'The name of a broker cannot be resolved here.',
    todo: 'The plugin server, not Kong, must be able to resolve the names that the brokers advertise (advertised.listeners).',
    section: NOT_READY,
  },
  {
    cause: 'topic missing',
    reason: /does not exist, or the gateway may not describe|Unknown topic|Topic .* is gone/i,
    what: 'The topic does not exist, or this user may not see it.',
    todo: 'Create the topic, or grant Describe on it. It is looked for every second; nothing has to be restarted.',
    section: NOT_READY,
  },
  {
    cause: 'no right to read',
    reason: /may not (be )?read|group authorization failed/i,
    what: 'This user may not read the reply topic.',
    todo: 'Grant Read on the topic to the user of the gateway. It goes on by itself.',
    section: NOT_READY,
  },
  {
    cause: 'no right to write',
    reason: /topic authorization failed/i,
    what: 'This user may not write to the topic.',
    todo: 'Grant Write on the topic to the user of the gateway.',
    section: 'produce_failed-502',
  },
  {
    cause: 'partitions without a leader',
    reason: /has no leader for|leaders? for .* of/i,
    what: 'Brokers that hold partitions of the topic are away.',
    todo: 'Start these brokers. The topic is asked for every second.',
    section: NOT_READY,
  },
  {
    cause: 'partition missing',
    reason: /has no partition/,
    what: 'The reply partition of this gateway does not exist.',
    todo: 'Give the reply topic as many partitions as there are gateways, or choose another reply_partition.',
    section: NOT_READY,
  },
  {
    cause: 'client replaced',
    reason: /lost its list of brokers|client did not answer/i,
    what: 'A Kafka client does not get on, and is being replaced.',
    todo: 'Nothing, if it is ready again within seconds. If this comes back: look at the brokers, and at what lies between here and them.',
    section: NOT_READY,
  },
  {
    cause: 'broker away',
    reason:
      /refused|timed out|no broker|broker connections are down|Connect to|unreachable|reset by peer|closed the connection|disconnected|transport failure|is not connected/i,
    what: 'No broker of the cluster can be reached.',
    todo: 'Check that the brokers run, the addresses in bootstrap_servers, and the network between here and there. It is tried again by itself.',
    section: NOT_READY,
  },
  // Why a reply was not recognized
  {
    cause: 'wrong topic',
    hint: 'other_topic',
    what: 'The service answers on another topic than the request names.',
    todo: 'Let the service send its reply to the reply_topic, or set reply_topic to where it answers.',
    section: HINTS,
  },
  {
    cause: 'wrong dialect',
    hint: 'no_known_header',
    what: 'Replies come without a correlation id that is understood here.',
    todo: 'Let the service copy the correlation header of the request, or set match and match_name to where its id is.',
    section: HINTS,
  },
  {
    cause: 'Spring without @SendTo',
    hint: 'type_headers_only',
    what: 'A Spring service sends its replies without the correlation header.',
    todo: 'Return the reply from a method with @SendTo, or copy the header kafka_correlationId.',
    section: HINTS,
  },
  {
    cause: 'id changed',
    hint: 'unknown_id_form',
    what: 'The service changes the correlation id.',
    todo: 'Let it copy the bytes of the header as they are.',
    section: HINTS,
  },
  {
    cause: 'two ids',
    hint: 'ambiguous_id',
    what: 'Replies carry two different correlation ids.',
    todo: 'Let the service copy the header once, and add none of its own.',
    section: HINTS,
  },
  {
    cause: 'reply looks like a request',
    hint: 'looks_like_request',
    what: 'Replies name a reply topic, as only requests do.',
    todo: 'Let the service leave out the header of the reply topic in its replies.',
    section: HINTS,
  },
  // What else ends requests
  {
    cause: 'responder silent',
    code: 'reply_timeout',
    what: 'Requests are in Kafka, and nobody answers them in time.',
    todo: 'Look whether the service that reads the request topic runs, keeps up, and answers on the reply topic.',
    section: 'reply_timeout-504',
  },
  {
    cause: 'overload',
    code: 'overloaded',
    what: 'More requests come in than are answered; what is too much is refused with 503.',
    todo: 'More responders, a shorter timeout, or a larger max_in_flight. Clients that have left keep their place until the timeout.',
    section: 'overloaded-503',
  },
  {
    cause: 'no confirmation',
    code: 'produce_timeout',
    what: 'Brokers do not confirm records in time.',
    todo: 'Look at the brokers: in-sync replicas below min.insync.replicas, disks, the network.',
    section: 'produce_timeout-504',
  },
  {
    cause: 'record refused',
    code: 'produce_failed',
    what: 'A broker refuses the records.',
    todo: 'The reason is the word of the broker: most often the topic is missing, or the right to write to it.',
    section: 'produce_failed-502',
  },
  {
    cause: 'reply unusable',
    code: 'reply_invalid',
    what: 'The service sends replies that no HTTP answer can be made of.',
    todo: 'Compare its status header, content-encoding and reply_format with the reference.',
    section: 'reply_invalid-502',
  },
  {
    cause: 'reply too large',
    code: 'reply_too_large',
    what: 'Replies are larger than this route accepts.',
    todo: 'Raise max_reply_bytes.',
    section: 'reply_too_large-502',
  },
  {
    cause: 'service says no',
    code: 'responder_error',
    what: 'The service answers with errors.',
    todo: 'Look at the log of the service.',
    section: 'responder_error-502-or-the-status-the-reply-names',
  },
  {
    cause: 'reader lost',
    code: 'reply_reader_lost',
    what: 'The reply topic was deleted, or may not be read any more, while requests waited.',
    todo: 'Create it again, or grant Read.',
    section: 'reply_reader_lost-503',
  },
  {
    cause: 'misconfigured',
    code: 'misconfigured',
    what: 'A route is not configured as it must be.',
    todo: 'The reason names what is missing. Both plugins belong on the same route.',
    section: 'misconfigured-500',
  },
  {
    cause: 'ending',
    code: 'draining',
    what: 'The process is ending.',
    todo: 'Nothing, if somebody stopped it.',
    section: 'draining-503',
  },
  {
    cause: 'not ready',
    code: 'not_ready',
    what: 'There is no working connection to Kafka, or the reply topic cannot be read.',
    todo: 'Look at the reason, and at the clusters below.',
    section: NOT_READY,
  },
  {
    cause: 'bug',
    code: 'internal',
    what: 'Something failed that should not.',
    todo: 'The log has a line at level error with the stack. Please report it.',
    section: 'internal-500',
  },
];

/** For a fault that shows in the clients, not in a reason: replies may be there, and are not seen. */
export const READER_STUCK: Advice = {
  cause: 'reader stuck',
  what: 'The reader of replies reaches no broker, so replies are not seen.',
  todo: 'It tries again by itself. If it stays: look at the brokers that have the reply topic, and at the network between here and them.',
  section: NOT_READY,
};

/** What the gateway says of a cause; of several the first that is known counts. */
export interface Symptom {
  readonly reason?: string | undefined;
  readonly hint?: string | undefined;
  readonly code?: string | undefined;
}

export function adviceFor({ reason, hint, code }: Symptom): Advice | undefined {
  return (
    (reason === undefined ? undefined : ROWS.find((row) => row.reason?.test(reason))) ??
    (hint === undefined ? undefined : ROWS.find((row) => row.hint === hint)) ??
    (code === undefined ? undefined : ROWS.find((row) => row.code === code))
  );
}

/** All rows, for whoever compares them with the codes, the hints and the pages. */
export const ADVICE: readonly (Advice & Pick<Row, 'hint' | 'code'>)[] = ROWS;

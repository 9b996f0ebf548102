/**
 * The PDK methods of Kong's ProtoBuf:1, by name: what each takes and what it answers. The same from Kong 3.4 to 3.9.
 * Kong makes the names from those of the service in its protocol file; one that is missing, misspelt or of another
 * type is a 500 without a word.
 */

/** Message names of Kong's own. */
export interface KongMethod {
  readonly name: string;
  readonly takes: string;
  readonly answers: string;
}

const GROUPS: Record<string, Record<string, string>> = {
  client: {
    'Empty -> String': 'get_ip get_forwarded_ip',
    'Empty -> Int': 'get_port get_forwarded_port',
    'Empty -> AuthenticatedCredential': 'get_credential',
    'ConsumerSpec -> Consumer': 'load_consumer',
    'Empty -> Consumer': 'get_consumer',
    'AuthenticateArgs -> Empty': 'authenticate',
    'Bool -> String': 'get_protocol',
  },
  'ctx.shared': { 'KV -> Empty': 'set', 'String -> Value': 'get' },
  ip: { 'String -> Bool': 'is_trusted' },
  log: {
    'ListValue -> Empty': 'alert crit err warn notice info debug',
    'KV -> Empty': 'set_serialize_value',
    'Empty -> String': 'serialize',
  },
  nginx: {
    'String -> String': 'get_var',
    'Empty -> String': 'get_tls1_version_str get_subsystem',
    // It answers nothing; the type is what the protocol says.
    'KV -> String': 'set_ctx',
    'String -> Value': 'get_ctx',
    'Empty -> Number': 'req_start_time',
  },
  node: { 'Empty -> String': 'get_id', 'Empty -> MemoryStats': 'get_memory_stats' },
  request: {
    'Empty -> String':
      'get_scheme get_host get_forwarded_scheme get_forwarded_host get_method get_path get_path_with_query get_raw_query',
    'Empty -> Int': 'get_port get_forwarded_port',
    'Empty -> Number': 'get_http_version',
    'String -> String': 'get_query_arg get_header',
    'Int -> Struct': 'get_query get_headers',
    'Empty -> RawBodyResult': 'get_raw_body',
    'Empty -> UriCapturesResult': 'get_uri_captures',
  },
  response: {
    'Empty -> Int': 'get_status',
    'String -> String': 'get_header',
    'Int -> Struct': 'get_headers',
    'Empty -> String': 'get_source',
    'Int -> Empty': 'set_status',
    'KV -> Empty': 'set_header add_header',
    'String -> Empty': 'clear_header',
    'Struct -> Empty': 'set_headers',
    'ExitArgs -> Empty': 'exit',
  },
  router: { 'Empty -> Route': 'get_route', 'Empty -> Service': 'get_service' },
  service: { 'String -> Empty': 'set_upstream', 'Target -> Empty': 'set_target' },
  'service.request': {
    'String -> Empty': 'set_scheme set_path set_raw_query set_method clear_header',
    'Struct -> Empty': 'set_query set_headers',
    'KV -> Empty': 'set_header add_header',
    'ByteString -> Empty': 'set_raw_body',
  },
  'service.response': {
    'Empty -> Int': 'get_status',
    'String -> String': 'get_header',
    'Int -> Struct': 'get_headers',
    'Empty -> ByteString': 'get_raw_body',
  },
};

export const KONG_METHODS: readonly KongMethod[] = Object.entries(GROUPS).flatMap(([group, signatures]) =>
  Object.entries(signatures).flatMap(([signature, names]) => {
    const [takes = '', answers = ''] = signature.split(' -> ');
    return names.split(' ').map((name) => ({ name: `kong.${group}.${name}`, takes, answers }));
  }),
);

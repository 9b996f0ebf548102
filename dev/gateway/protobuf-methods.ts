/** The PDK methods of `ProtoBuf:1`: what each one takes and gives. Kong refuses any other name. */
import type { MessageName } from './protobuf';

export interface MethodTypes {
  readonly input: MessageName;
  readonly output: MessageName;
}

const SIGNATURES: Record<string, Record<string, string>> = {
  'kong.client': {
    get_ip: 'Empty -> String',
    get_forwarded_ip: 'Empty -> String',
    get_port: 'Empty -> Int',
    get_forwarded_port: 'Empty -> Int',
    get_credential: 'Empty -> AuthenticatedCredential',
    load_consumer: 'ConsumerSpec -> Consumer',
    get_consumer: 'Empty -> Consumer',
    get_protocol: 'Bool -> String',
  },
  'kong.ctx.shared': { set: 'KV -> Empty', get: 'String -> Value' },
  'kong.ip': { is_trusted: 'String -> Bool' },
  'kong.log': {
    alert: 'ListValue -> Empty',
    crit: 'ListValue -> Empty',
    err: 'ListValue -> Empty',
    warn: 'ListValue -> Empty',
    notice: 'ListValue -> Empty',
    info: 'ListValue -> Empty',
    debug: 'ListValue -> Empty',
    set_serialize_value: 'KV -> Empty',
    serialize: 'Empty -> String',
  },
  'kong.nginx': {
    get_var: 'String -> String',
    get_tls1_version_str: 'Empty -> String',
    set_ctx: 'KV -> String',
    get_ctx: 'String -> Value',
    req_start_time: 'Empty -> Number',
    get_subsystem: 'Empty -> String',
  },
  'kong.node': { get_id: 'Empty -> String' },
  'kong.request': {
    get_scheme: 'Empty -> String',
    get_host: 'Empty -> String',
    get_port: 'Empty -> Int',
    get_forwarded_scheme: 'Empty -> String',
    get_forwarded_host: 'Empty -> String',
    get_forwarded_port: 'Empty -> Int',
    get_http_version: 'Empty -> Number',
    get_method: 'Empty -> String',
    get_path: 'Empty -> String',
    get_path_with_query: 'Empty -> String',
    get_raw_query: 'Empty -> String',
    get_query_arg: 'String -> String',
    get_query: 'Int -> Struct',
    get_header: 'String -> String',
    get_headers: 'Int -> Struct',
    get_raw_body: 'Empty -> RawBodyResult',
    get_uri_captures: 'Empty -> UriCapturesResult',
  },
  'kong.response': {
    get_status: 'Empty -> Int',
    get_header: 'String -> String',
    get_headers: 'Int -> Struct',
    get_source: 'Empty -> String',
    set_status: 'Int -> Empty',
    set_header: 'KV -> Empty',
    add_header: 'KV -> Empty',
    clear_header: 'String -> Empty',
    set_headers: 'Struct -> Empty',
    exit: 'ExitArgs -> Empty',
  },
  'kong.router': { get_route: 'Empty -> Route', get_service: 'Empty -> Service' },
  'kong.service': { set_upstream: 'String -> Empty', set_target: 'Target -> Empty' },
  'kong.service.request': {
    set_scheme: 'String -> Empty',
    set_path: 'String -> Empty',
    set_raw_query: 'String -> Empty',
    set_method: 'String -> Empty',
    set_query: 'Struct -> Empty',
    set_header: 'KV -> Empty',
    add_header: 'KV -> Empty',
    clear_header: 'String -> Empty',
    set_headers: 'Struct -> Empty',
    set_raw_body: 'ByteString -> Empty',
  },
  'kong.service.response': {
    get_status: 'Empty -> Int',
    get_header: 'String -> String',
    get_headers: 'Int -> Struct',
    get_raw_body: 'Empty -> ByteString',
  },
};

export const PROTOBUF_METHODS: Readonly<Record<string, MethodTypes>> = Object.fromEntries(
  Object.entries(SIGNATURES).flatMap(([namespace, methods]) =>
    Object.entries(methods).map(([method, signature]) => {
      const [input = '', output = ''] = signature.split(' -> ');
      return [`${namespace}.${method}`, { input, output }];
    }),
  ),
);

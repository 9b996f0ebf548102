/**
 * The options that gateways in the field know, written by dev/packages/record-options.ts. Control plane and data planes of
 * Kong are upgraded one after the other, and Kong writes what has a default into every configuration: an option that is
 * not in this list would be refused, as unknown, by the data planes that are still to be upgraded. So the schema that Kong
 * gets has no default for it; the plugin server fills it in (parse.ts).
 */

/** A control plane takes data planes of the same first number, and of no greater second one. */
export const RELEASED_VERSION = '0.1.0';

const RELEASED: Readonly<Record<string, string>> = {
  custom_kafka_producer: `
    allowed_topics authentication authentication.mechanism authentication.oauthbearer
    authentication.oauthbearer.client_id authentication.oauthbearer.client_secret
    authentication.oauthbearer.extensions authentication.oauthbearer.scopes
    authentication.oauthbearer.token_endpoint_tls_verify authentication.oauthbearer.token_endpoint_url
    authentication.password authentication.strategy authentication.tokenauth authentication.user
    bootstrap_servers bootstrap_servers.host bootstrap_servers.port client_properties cloudevents_type
    cluster_name compression_type correlation correlation_body_field correlation_header dialects
    error_handling error_handling.return_error_message expressions forward_body forward_consumer
    forward_headers forward_method forward_uri headers headers.deadline_after headers.exclude_headers
    headers.forward_all_by_default headers.forward_http_headers_as_record_headers headers.include_headers
    headers.method_and_path headers.name_mappings headers.repeated_headers_behavior keepalive
    keepalive_enabled key_name key_query_arg key_source log_fields max_in_flight max_request_bytes
    message_by_lua_functions message_format orphan_topic producer_async
    producer_async_buffering_limits_messages_in_memory producer_async_flush_timeout producer_idempotence
    producer_request_acks producer_request_limits_bytes_per_request
    producer_request_limits_messages_per_request producer_request_retries_backoff_timeout
    producer_request_retries_max_attempts producer_request_timeout reply_partition reply_routing reply_topic
    schema_registry schema_registry.confluent schema_registry.confluent.authentication
    schema_registry.confluent.authentication.basic schema_registry.confluent.authentication.basic.password
    schema_registry.confluent.authentication.basic.username schema_registry.confluent.authentication.bearer
    schema_registry.confluent.authentication.bearer.token
    schema_registry.confluent.authentication.identity_pool_id
    schema_registry.confluent.authentication.logical_cluster_id schema_registry.confluent.authentication.mode
    schema_registry.confluent.authentication.oauth2 schema_registry.confluent.authentication.oauth2.audience
    schema_registry.confluent.authentication.oauth2.client_id
    schema_registry.confluent.authentication.oauth2.client_secret
    schema_registry.confluent.authentication.oauth2.grant_type
    schema_registry.confluent.authentication.oauth2.password
    schema_registry.confluent.authentication.oauth2.scopes
    schema_registry.confluent.authentication.oauth2.token_endpoint
    schema_registry.confluent.authentication.oauth2.token_headers
    schema_registry.confluent.authentication.oauth2.token_post_args
    schema_registry.confluent.authentication.oauth2.username
    schema_registry.confluent.authentication.oauth2_client
    schema_registry.confluent.authentication.oauth2_client.auth_method
    schema_registry.confluent.authentication.oauth2_client.client_secret_jwt_alg
    schema_registry.confluent.authentication.oauth2_client.http_proxy
    schema_registry.confluent.authentication.oauth2_client.https_proxy
    schema_registry.confluent.authentication.oauth2_client.timeout schema_registry.confluent.ca_certificate
    schema_registry.confluent.certificate schema_registry.confluent.framing schema_registry.confluent.key
    schema_registry.confluent.key_password schema_registry.confluent.key_schema
    schema_registry.confluent.key_schema.payload_encoding schema_registry.confluent.key_schema.record_name
    schema_registry.confluent.key_schema.schema_version schema_registry.confluent.key_schema.subject_name
    schema_registry.confluent.ssl_verify schema_registry.confluent.subject_name_strategy
    schema_registry.confluent.timeout schema_registry.confluent.ttl schema_registry.confluent.url
    schema_registry.confluent.value_schema schema_registry.confluent.value_schema.payload_encoding
    schema_registry.confluent.value_schema.record_name schema_registry.confluent.value_schema.schema_version
    schema_registry.confluent.value_schema.subject_name security security.ca_certificate security.certificate
    security.key security.key_password security.ssl security.ssl_verify timeout topic topics_query_arg trace
    trace.b3 trace.kong
  `,
  custom_kafka_consumer: `
    authentication authentication.mechanism authentication.oauthbearer authentication.oauthbearer.client_id
    authentication.oauthbearer.client_secret authentication.oauthbearer.extensions
    authentication.oauthbearer.scopes authentication.oauthbearer.token_endpoint_tls_verify
    authentication.oauthbearer.token_endpoint_url authentication.password authentication.strategy
    authentication.tokenauth authentication.user bootstrap_servers bootstrap_servers.host
    bootstrap_servers.port client_properties cluster_name error_handling error_handling.return_error_message
    error_headers error_status expressions forward_headers forward_headers.exclude forward_headers.include
    keepalive keepalive_enabled log_fields match match_name max_reply_bytes message_by_lua_functions
    on_invalid_reply problem_details reply_format schema_registry schema_registry.confluent
    schema_registry.confluent.authentication schema_registry.confluent.authentication.basic
    schema_registry.confluent.authentication.basic.password
    schema_registry.confluent.authentication.basic.username schema_registry.confluent.authentication.bearer
    schema_registry.confluent.authentication.bearer.token
    schema_registry.confluent.authentication.identity_pool_id
    schema_registry.confluent.authentication.logical_cluster_id schema_registry.confluent.authentication.mode
    schema_registry.confluent.authentication.oauth2 schema_registry.confluent.authentication.oauth2.audience
    schema_registry.confluent.authentication.oauth2.client_id
    schema_registry.confluent.authentication.oauth2.client_secret
    schema_registry.confluent.authentication.oauth2.grant_type
    schema_registry.confluent.authentication.oauth2.password
    schema_registry.confluent.authentication.oauth2.scopes
    schema_registry.confluent.authentication.oauth2.token_endpoint
    schema_registry.confluent.authentication.oauth2.token_headers
    schema_registry.confluent.authentication.oauth2.token_post_args
    schema_registry.confluent.authentication.oauth2.username
    schema_registry.confluent.authentication.oauth2_client
    schema_registry.confluent.authentication.oauth2_client.auth_method
    schema_registry.confluent.authentication.oauth2_client.client_secret_jwt_alg
    schema_registry.confluent.authentication.oauth2_client.http_proxy
    schema_registry.confluent.authentication.oauth2_client.https_proxy
    schema_registry.confluent.authentication.oauth2_client.timeout schema_registry.confluent.ca_certificate
    schema_registry.confluent.certificate schema_registry.confluent.key schema_registry.confluent.key_password
    schema_registry.confluent.key_schema schema_registry.confluent.key_schema.payload_encoding
    schema_registry.confluent.ssl_verify schema_registry.confluent.timeout schema_registry.confluent.url
    schema_registry.confluent.value_schema schema_registry.confluent.value_schema.payload_encoding security
    security.ca_certificate security.certificate security.key security.key_password security.ssl
    security.ssl_verify status_headers timeout timeout_ceiling topic
  `,
  custom_kafka_request_reply: `
    allowed_topics authentication authentication.mechanism authentication.oauthbearer
    authentication.oauthbearer.client_id authentication.oauthbearer.client_secret
    authentication.oauthbearer.extensions authentication.oauthbearer.scopes
    authentication.oauthbearer.token_endpoint_tls_verify authentication.oauthbearer.token_endpoint_url
    authentication.password authentication.strategy authentication.tokenauth authentication.user
    bootstrap_servers bootstrap_servers.host bootstrap_servers.port client_properties cloudevents_type
    cluster_name compression_type correlation correlation_body_field correlation_header dialects
    error_handling error_handling.return_error_message expressions forward_body forward_consumer
    forward_headers forward_method forward_uri headers headers.deadline_after headers.exclude_headers
    headers.forward_all_by_default headers.forward_http_headers_as_record_headers headers.include_headers
    headers.method_and_path headers.name_mappings headers.repeated_headers_behavior keepalive
    keepalive_enabled key_name key_query_arg key_source log_fields max_in_flight max_request_bytes
    message_by_lua_functions message_format orphan_topic producer_idempotence producer_request_acks
    producer_request_limits_bytes_per_request producer_request_limits_messages_per_request
    producer_request_retries_backoff_timeout producer_request_retries_max_attempts producer_request_timeout
    reply reply.error_headers reply.error_status reply.forward_headers reply.forward_headers.exclude
    reply.forward_headers.include reply.match reply.match_name reply.max_reply_bytes reply.on_invalid_reply
    reply.problem_details reply.reply_format reply.status_headers reply.timeout reply.timeout_ceiling
    reply_partition reply_routing reply_topic schema_registry schema_registry.confluent
    schema_registry.confluent.authentication schema_registry.confluent.authentication.basic
    schema_registry.confluent.authentication.basic.password
    schema_registry.confluent.authentication.basic.username schema_registry.confluent.authentication.bearer
    schema_registry.confluent.authentication.bearer.token
    schema_registry.confluent.authentication.identity_pool_id
    schema_registry.confluent.authentication.logical_cluster_id schema_registry.confluent.authentication.mode
    schema_registry.confluent.authentication.oauth2 schema_registry.confluent.authentication.oauth2.audience
    schema_registry.confluent.authentication.oauth2.client_id
    schema_registry.confluent.authentication.oauth2.client_secret
    schema_registry.confluent.authentication.oauth2.grant_type
    schema_registry.confluent.authentication.oauth2.password
    schema_registry.confluent.authentication.oauth2.scopes
    schema_registry.confluent.authentication.oauth2.token_endpoint
    schema_registry.confluent.authentication.oauth2.token_headers
    schema_registry.confluent.authentication.oauth2.token_post_args
    schema_registry.confluent.authentication.oauth2.username
    schema_registry.confluent.authentication.oauth2_client
    schema_registry.confluent.authentication.oauth2_client.auth_method
    schema_registry.confluent.authentication.oauth2_client.client_secret_jwt_alg
    schema_registry.confluent.authentication.oauth2_client.http_proxy
    schema_registry.confluent.authentication.oauth2_client.https_proxy
    schema_registry.confluent.authentication.oauth2_client.timeout schema_registry.confluent.ca_certificate
    schema_registry.confluent.certificate schema_registry.confluent.framing schema_registry.confluent.key
    schema_registry.confluent.key_password schema_registry.confluent.key_schema
    schema_registry.confluent.key_schema.payload_encoding schema_registry.confluent.key_schema.record_name
    schema_registry.confluent.key_schema.schema_version schema_registry.confluent.key_schema.subject_name
    schema_registry.confluent.ssl_verify schema_registry.confluent.subject_name_strategy
    schema_registry.confluent.timeout schema_registry.confluent.ttl schema_registry.confluent.url
    schema_registry.confluent.value_schema schema_registry.confluent.value_schema.payload_encoding
    schema_registry.confluent.value_schema.record_name schema_registry.confluent.value_schema.schema_version
    schema_registry.confluent.value_schema.subject_name security security.ca_certificate security.certificate
    security.key security.key_password security.ssl security.ssl_verify timeout topic topics_query_arg trace
    trace.b3 trace.kong
  `,
  custom_kafka_log: `
    allowed_topics authentication authentication.mechanism authentication.oauthbearer
    authentication.oauthbearer.client_id authentication.oauthbearer.client_secret
    authentication.oauthbearer.extensions authentication.oauthbearer.scopes
    authentication.oauthbearer.token_endpoint_tls_verify authentication.oauthbearer.token_endpoint_url
    authentication.password authentication.strategy authentication.tokenauth authentication.user
    bootstrap_servers bootstrap_servers.host bootstrap_servers.port client_properties cluster_name
    compression_type custom_fields custom_fields_by_lua entities exclude include keepalive keepalive_enabled
    key_pointer key_query_arg log_format max_record_bytes only_status producer_async
    producer_async_buffering_limits_bytes_in_memory producer_async_buffering_limits_messages_in_memory
    producer_async_flush_timeout producer_idempotence producer_request_acks
    producer_request_limits_bytes_per_request producer_request_limits_messages_per_request
    producer_request_retries_backoff_timeout producer_request_retries_max_attempts producer_request_timeout
    redact sample_rate schema_registry schema_registry.confluent schema_registry.confluent.authentication
    schema_registry.confluent.authentication.basic schema_registry.confluent.authentication.basic.password
    schema_registry.confluent.authentication.basic.username schema_registry.confluent.authentication.bearer
    schema_registry.confluent.authentication.bearer.token
    schema_registry.confluent.authentication.identity_pool_id
    schema_registry.confluent.authentication.logical_cluster_id schema_registry.confluent.authentication.mode
    schema_registry.confluent.authentication.oauth2 schema_registry.confluent.authentication.oauth2.audience
    schema_registry.confluent.authentication.oauth2.client_id
    schema_registry.confluent.authentication.oauth2.client_secret
    schema_registry.confluent.authentication.oauth2.grant_type
    schema_registry.confluent.authentication.oauth2.password
    schema_registry.confluent.authentication.oauth2.scopes
    schema_registry.confluent.authentication.oauth2.token_endpoint
    schema_registry.confluent.authentication.oauth2.token_headers
    schema_registry.confluent.authentication.oauth2.token_post_args
    schema_registry.confluent.authentication.oauth2.username
    schema_registry.confluent.authentication.oauth2_client
    schema_registry.confluent.authentication.oauth2_client.auth_method
    schema_registry.confluent.authentication.oauth2_client.client_secret_jwt_alg
    schema_registry.confluent.authentication.oauth2_client.http_proxy
    schema_registry.confluent.authentication.oauth2_client.https_proxy
    schema_registry.confluent.authentication.oauth2_client.timeout schema_registry.confluent.ca_certificate
    schema_registry.confluent.certificate schema_registry.confluent.framing schema_registry.confluent.key
    schema_registry.confluent.key_password schema_registry.confluent.key_schema
    schema_registry.confluent.key_schema.payload_encoding schema_registry.confluent.key_schema.record_name
    schema_registry.confluent.key_schema.schema_version schema_registry.confluent.key_schema.subject_name
    schema_registry.confluent.ssl_verify schema_registry.confluent.subject_name_strategy
    schema_registry.confluent.timeout schema_registry.confluent.ttl schema_registry.confluent.url
    schema_registry.confluent.value_schema schema_registry.confluent.value_schema.payload_encoding
    schema_registry.confluent.value_schema.record_name schema_registry.confluent.value_schema.schema_version
    schema_registry.confluent.value_schema.subject_name security security.ca_certificate security.certificate
    security.key security.key_password security.ssl security.ssl_verify sink sink.name sink.secret timeout
    topic topic_template
  `,
  custom_kafka_failover: `
    answer answer.message answer.retry_after answer.status authentication authentication.mechanism
    authentication.oauthbearer authentication.oauthbearer.client_id authentication.oauthbearer.client_secret
    authentication.oauthbearer.extensions authentication.oauthbearer.scopes
    authentication.oauthbearer.token_endpoint_tls_verify authentication.oauthbearer.token_endpoint_url
    authentication.password authentication.strategy authentication.tokenauth authentication.user
    bootstrap_servers bootstrap_servers.host bootstrap_servers.port client_properties cluster_name
    compression_type headers headers.exclude_headers headers.include_headers keepalive keepalive_enabled
    max_request_bytes methods producer_idempotence producer_request_acks
    producer_request_limits_bytes_per_request producer_request_limits_messages_per_request
    producer_request_retries_backoff_timeout producer_request_retries_max_attempts producer_request_timeout
    security security.ca_certificate security.certificate security.key security.key_password security.ssl
    security.ssl_verify statuses timeout topic
  `,
};

/** @returns undefined for a plugin that is in no release: no data plane could refuse its options */
export function releasedOptions(plugin: string): ReadonlySet<string> | undefined {
  const names = RELEASED[plugin];
  return names === undefined ? undefined : new Set(names.trim().split(/\s+/));
}

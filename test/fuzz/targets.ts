/** What is fuzzed: everything that reads bytes of Kong, of a client, of a responder or of an administrator. */
import type { FuzzTarget } from './target';
import { CLIENT_HEADERS } from './targets/client-headers';
import { CONFIG } from './targets/config';
import { ENCODED_BODIES } from './targets/encoded-bodies';
import { DRAIN } from './targets/drain';
import { EVENT } from './targets/event';
import { EVENT_ID } from './targets/event-id';
import { MULTIPART, URL_ARGS } from './targets/forms';
import { FRAMES } from './targets/frames';
import { JSON_BODIES } from './targets/json';
import { KEPT_REQUEST } from './targets/kept-request';
import { LOG_ENTRY } from './targets/log-entry';
import { MESSAGES } from './targets/messages';
import { NEAR_MISSES } from './targets/near-misses';
import { PDK } from './targets/pdk';
import { PROCESS } from './targets/process';
import { REPLY, REPLY_ENVELOPE } from './targets/reply';
import { REQUEST } from './targets/request';
import { AVRO_REPLY, JSON_SCHEMA_REPLY, PROTOBUF_REPLY, SCHEMA_FRAME } from './targets/schemas';
import { SOCKET_MESSAGE } from './targets/socket-message';
import { STATUS_REQUESTS } from './targets/status-requests';
import { TAKE_OVER } from './targets/take-over';

export const TARGETS: readonly FuzzTarget[] = [
  FRAMES,
  MESSAGES,
  PDK,
  EVENT,
  REQUEST,
  ENCODED_BODIES,
  JSON_BODIES,
  MULTIPART,
  URL_ARGS,
  CLIENT_HEADERS,
  SOCKET_MESSAGE,
  EVENT_ID,
  LOG_ENTRY,
  KEPT_REQUEST,
  REPLY_ENVELOPE,
  REPLY,
  SCHEMA_FRAME,
  AVRO_REPLY,
  PROTOBUF_REPLY,
  JSON_SCHEMA_REPLY,
  NEAR_MISSES,
  DRAIN,
  CONFIG,
  TAKE_OVER,
  PROCESS,
  STATUS_REQUESTS,
];

/** A Kong worker over ProtoBuf:1 as a process: it makes the load for the plugin server, an event of each plugin at a time. */
import { serveKongWorker } from './kong-events';
import { ProtocolEnd } from './protobuf-end';

serveKongWorker(
  (options) => new ProtocolEnd(options),
  (nonce) => nonce,
);

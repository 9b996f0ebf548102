/** Kong workers over ProtoBuf:1 as a process: it makes the load for plugin servers of ours. */
import { serveKongWorkers } from './kong-events';
import { ProtocolEnd } from './protobuf-end';

serveKongWorkers(
  (options) => new ProtocolEnd(options),
  (nonce) => nonce,
);

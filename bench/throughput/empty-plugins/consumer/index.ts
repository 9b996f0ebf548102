/** Answers as custom_kafka_consumer does, without waiting for anything. */
import type { Kong } from '../../../../bridge/kong';
import { kongRequestId } from '../../../../bridge/request/kong-request-id';
import { bodyOf } from '../../../load/payload';

export class Plugin {
  async access(kong: Kong): Promise<void> {
    const nonce = await kongRequestId(kong);
    await kong.response.exit(200, Buffer.from(bodyOf(nonce)), { 'content-type': 'application/json' });
  }
}

export const Name = 'empty_consumer';

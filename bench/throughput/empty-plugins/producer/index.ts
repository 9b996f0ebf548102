/** Asks Kong for what custom_kafka_producer asks for, and does nothing with it. */
import type { Kong } from '../../../../bridge/kong';

const MAX_HEADERS = 1000;

export class Plugin {
  async access(kong: Kong): Promise<void> {
    await Promise.all([
      kong.request.getMethod(),
      kong.request.getHeaders(MAX_HEADERS),
      kong.request.getRawBody(0),
    ]);
  }
}

export const Name = 'empty_producer';

/** A request as the producer reads it, over the `kong` object of npm kong-pdk. */
import type { Kong } from '../../bridge/kong';
import { overPromises } from '../../bridge/phase';
import { RequestReader, type HttpRequest, type RequestNeeds } from '../../bridge/request/http-request';

export async function readRequest(
  kong: Kong,
  needs: RequestNeeds,
  options: { maxBodyBytes: number; boundedRead: boolean },
): Promise<HttpRequest> {
  const reader = new RequestReader(needs, options);
  let request: HttpRequest | undefined;
  await overPromises(kong, {
    reads: reader.reads,
    run: (event, answers) => {
      request = reader.request(event.requestId ?? '', answers);
      event.pass();
    },
  });
  return request as HttpRequest;
}

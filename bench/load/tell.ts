/** One HTTP request of a drill. A gateway that is killed meanwhile is status 0. */
import { request as httpRequest } from 'node:http';

export interface Told {
  readonly status: number;
  readonly body: string;
}

export function tell(
  url: string,
  {
    method = 'POST',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string },
): Promise<Told> {
  return new Promise((resolve) => {
    const failed = (): void => resolve({ status: 0, body: '' });
    const sent = httpRequest(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', failed);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    sent.on('error', failed);
    sent.end(body);
  });
}

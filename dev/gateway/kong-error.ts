/** Kong's own error bodies. Kong picks a format by the `Accept` header; the stand-in always answers JSON. */

const MESSAGES: Record<number, string> = {
  400: 'Bad request',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timeout',
  411: 'Length required',
  412: 'Precondition failed',
  413: 'Payload too large',
  414: 'URI too long',
  417: 'Expectation failed',
  494: 'Request header or cookie too large',
  500: 'An unexpected error occurred',
  502: 'An invalid response was received from the upstream server',
  503: 'The upstream server is currently unavailable',
  504: 'The upstream server is timing out',
};

export const NO_ROUTE = 'no Route matched with those values';
export const NO_SERVICE = 'no Service found with those values';
export const ERROR_CONTENT_TYPE = 'application/json; charset=utf-8';

export function errorBody(status: number, requestId: string, message?: string): Buffer {
  const text = message ?? MESSAGES[status] ?? `The upstream server responded with ${status}`;
  return Buffer.from(`{\n  "message":"${text}",\n  "request_id":"${requestId}"\n}`);
}

import type { Kong } from '../kong';

/**
 * The id Kong gives a request, the same in every plugin and when Kong runs an event again.
 * Kong before 3.5 has no `kong_request_id`; nginx's own id serves there.
 */
export async function kongRequestId(kong: Kong): Promise<string> {
  return (await kong.nginx.getVar('kong_request_id')) ?? (await kong.nginx.getVar('request_id')) ?? '';
}

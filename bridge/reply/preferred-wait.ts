/** How long the client itself wants to wait: `Prefer: wait=N` of RFC 7240. */
import { listItems, nameAndValue } from '../http-list';

const SECONDS = /^[0-9]+$/;

/**
 * The wait a client asked for, in whole seconds, no longer than the ceiling allows; undefined when it asked for none
 * that can be granted. Only the first `wait` counts, as RFC 7240 says; one of 0 seconds or in another form is ignored.
 * @param prefer all Prefer headers of the request, joined by commas
 * @param ceilingMs 0: the client has no say
 */
export function preferredWaitSeconds(prefer: string | undefined, ceilingMs: number): number | undefined {
  if (prefer === undefined || ceilingMs < 1000) return undefined;
  // A semicolon begins a parameter of the preference before it, strictly; many clients take it for a comma.
  for (const item of listItems(prefer, ',;')) {
    const [name, value] = nameAndValue(item);
    if (name !== 'wait') continue;
    const seconds = SECONDS.test(value) ? Math.min(Number(value), Math.floor(ceilingMs / 1000)) : 0;
    return seconds > 0 ? seconds : undefined;
  }
  return undefined;
}

/** What was granted, in the words of `Preference-Applied`; none where nothing was. */
export function waitPreference(seconds: number | undefined): readonly string[] {
  return seconds === undefined ? [] : [`wait=${seconds}`];
}

type Headers = Readonly<Record<string, string | string[]>>;

/** Tells the client what was granted, and caches that the answer depends on it. */
export function withPreference(headers: Headers, seconds: number | undefined): Headers {
  if (seconds === undefined) return headers;
  const vary = headers.vary === undefined ? 'Prefer' : [headers.vary, 'Prefer'].flat();
  return { ...headers, 'preference-applied': `wait=${seconds}`, vary };
}

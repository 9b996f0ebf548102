/** What forms correlation ids have. Ours are UUIDs in lower case; databases and some languages print them in capitals. */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const UUID_LENGTH = 36;
const CAPITAL = /[A-F]/;

export function isUuid(id: string): boolean {
  return id.length === UUID_LENGTH && UUID.test(id);
}

/** A UUID with capitals in lower case; undefined for anything else, which is compared as it is. */
export function foldedUuid(id: string): string | undefined {
  return id.length === UUID_LENGTH && CAPITAL.test(id) && UUID.test(id) ? id.toLowerCase() : undefined;
}

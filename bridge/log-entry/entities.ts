/** Kong writes whole entities into each entry: half of its bytes, the same in every record of a route. */
import { isObject, type Json, type JsonObject } from './entry';

const ENTITIES = ['route', 'service', 'consumer'] as const;
const IDENTIFYING = ['id', 'name', 'username', 'custom_id'] as const;

/** Leaves route, service and consumer with what names them. Changes the entry. */
export function keepIdsOnly(entry: JsonObject): void {
  for (const name of ENTITIES) {
    const entity = entry[name];
    if (isObject(entity)) entry[name] = identityOf(entity);
  }
}

function identityOf(entity: JsonObject): Json {
  const identity: JsonObject = {};
  for (const name of IDENTIFYING) {
    const value = entity[name];
    if (value !== undefined && Object.hasOwn(entity, name)) identity[name] = value;
  }
  return identity;
}

/** Fields of the admin's own: fixed text, values from elsewhere in the entry, or nothing in the place of a field. */
import type { Json, JsonObject } from './entry';
import { removeAt, setAt } from './selection';
import { template } from './template';

export interface CustomFields {
  /** Before anything of the entry is taken away, and all of them before one is written: their order does not matter. */
  valuesFrom(entry: JsonObject): readonly (Json | undefined)[];
  /** Changes the record. Writing twice is no different from once. */
  writeTo(record: JsonObject, values: readonly (Json | undefined)[]): void;
}

/** @param fields path -> template; "" removes the field */
export function customFields(fields: Readonly<Record<string, string>>): CustomFields {
  const rules = Object.entries(fields).map(([path, text]) => ({
    tokens: fieldPath(path),
    valueOf: text === '' ? () => undefined : template(text),
  }));
  return {
    valuesFrom: (entry) => rules.map(({ valueOf }) => apart(valueOf(entry))),
    writeTo: (record, values) =>
      rules.forEach(({ tokens }, index) => {
        const value = values[index];
        if (value === undefined) removeAt(record, tokens);
        else setAt(record, tokens, value);
      }),
  };
}

/** An object would be in the entry twice, or in itself, and change with it. */
function apart(value: Json | undefined): Json | undefined {
  return typeof value === 'object' ? structuredClone(value) : value;
}

/** As in Kong's `custom_fields_by_lua`: dots lead into objects, `\.` is a dot of a name. */
export function fieldPath(path: string): readonly string[] {
  return path.split(/(?<!\\)\./).map((name) => name.replaceAll('\\.', '.'));
}

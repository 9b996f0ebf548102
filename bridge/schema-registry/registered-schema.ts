/** A schema as a registry keeps it, with everything it refers to. */

export const SCHEMA_TYPES = ['AVRO', 'JSON', 'PROTOBUF'] as const;
export type SchemaType = (typeof SCHEMA_TYPES)[number];

export interface SchemaText {
  readonly text: string;
  readonly references: readonly SchemaReference[];
}

export interface SchemaReference {
  /** How the schema that refers to it calls it: a full name in Avro, a URI in JSON Schema, an import in Protobuf. */
  readonly name: string;
  readonly schema: SchemaText;
}

export interface RegisteredSchema extends SchemaText {
  readonly id: number;
  readonly type: SchemaType;
  /** Of all the text, for the account of what is kept. */
  readonly bytes: number;
}

/** Every schema once, those that others refer to before them. */
export function referencesOf(root: SchemaText): SchemaReference[] {
  const found = new Map<string, SchemaReference>();
  const visit = ({ references }: SchemaText): void => {
    for (const reference of references) {
      if (found.has(reference.name)) continue;
      visit(reference.schema);
      found.set(reference.name, reference);
    }
  };
  visit(root);
  return [...found.values()];
}

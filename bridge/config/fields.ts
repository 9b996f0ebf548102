/**
 * The vocabulary of an option table: one row per option, and from the rows come the Kong schema
 * (kong-schema.ts), the runtime check (parse.ts), the TypeScript type (ConfigOf) and the reference page
 * (reference.ts). Nothing else states a default or a bound.
 */

interface Common {
  readonly name: string;
  /** Unit, default, effect. Kong refuses descriptions under 10 or over 500 characters. */
  readonly description: string;
  readonly required?: boolean;
  /** Part of what decides which Kafka clients an instance shares with others. */
  readonly connection?: boolean;
}

/** Kong checks text with Lua patterns, we check it with regular expressions: each row gives both. */
export interface TextPattern {
  /** Where there are several, one must fit: Lua has no alternatives inside a pattern. */
  readonly lua: string | readonly string[];
  readonly regex: string;
  /** Completes "must be …" in the error message. */
  readonly meaning: string;
}

export interface StringType {
  readonly type: 'string';
  readonly oneOf?: readonly string[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: TextPattern;
  /** Refused although it fits the pattern. Each meaning completes "must not …". */
  readonly never?: readonly TextPattern[];
  /** May be a vault reference (`{vault://env/…}`), which Kong resolves before we see it. */
  readonly referenceable?: boolean;
  /** Encrypted at rest where Kong has a keyring; always together with `referenceable`. Never shown anywhere. */
  readonly secret?: boolean;
}
export interface IntegerType {
  readonly type: 'integer';
  readonly oneOf?: readonly number[];
  readonly between?: readonly [number, number];
}
export interface NumberType {
  readonly type: 'number';
  readonly between?: readonly [number, number];
}
export interface BooleanType {
  readonly type: 'boolean';
}
export interface RecordType {
  readonly type: 'record';
  readonly fields: readonly Field[];
}
export interface ArrayType {
  readonly type: 'array';
  readonly elements: StringType | IntegerType | RecordType;
  readonly minLength?: number;
}

/** Text to text. */
export interface MapType {
  readonly type: 'map';
  readonly keys: StringType;
  readonly values: StringType;
}

export type Field = Common &
  (
    | (StringType & { readonly default?: string })
    | (IntegerType & { readonly default?: number })
    | (NumberType & { readonly default?: number })
    | (BooleanType & { readonly default?: boolean })
    | (ArrayType & { readonly default?: readonly (string | number)[] })
    | (MapType & { readonly default?: Readonly<Record<string, string>> })
    | RecordType
  );

export type OptionTable = readonly Field[];

type ValueOf<F> = F extends { readonly oneOf: readonly (infer U)[] }
  ? U
  : F extends { readonly type: 'string' }
    ? string
    : F extends { readonly type: 'integer' | 'number' }
      ? number
      : F extends { readonly type: 'boolean' }
        ? boolean
        : F extends { readonly type: 'record'; readonly fields: infer Fields extends OptionTable }
          ? ConfigOf<Fields>
          : F extends { readonly type: 'array'; readonly elements: infer E }
            ? readonly ValueOf<E>[]
            : F extends { readonly type: 'map' }
              ? Readonly<Record<string, string>>
              : never;

type AlwaysThere = { readonly required: true } | { readonly default: unknown } | { readonly type: 'record' };

/** The frozen object a table parses to: every option is a property, unset ones are undefined. */
export type ConfigOf<Table extends OptionTable> = {
  readonly [F in Table[number] as F['name']]: F extends AlwaysThere ? ValueOf<F> : ValueOf<F> | undefined;
};

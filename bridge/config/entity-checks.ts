/**
 * Rules across options as Kong's schema states them, in the two forms whose sentence Kong shows to the admin.
 *
 * `conditional` with `then_match: { required: true }` is not among them: Kong returns before it looks at `then_err`,
 * and the admin reads "failed conditional validation given value of field …".
 */

/** A rule as it stands in a dump; names are dotted paths. */
export type EntityCheck = Readonly<Record<string, unknown>>;

/** What a value must be like, as in a field of the schema. Everything but `required` and `eq` lets null pass. */
export type Match = Readonly<Record<string, unknown>>;

export const IS_SET: Match = { required: true };
export const IS_UNSET: Match = { eq: null };

/** Where `option` matches, `needed` must be there and not be empty. */
export function requires(option: string, match: Match, needed: string, sentence: string): EntityCheck {
  return {
    conditional_at_least_one_of: {
      if_field: option,
      if_match: match,
      then_at_least_one_of: [needed],
      then_err: sentence,
    },
  };
}

/** Where `option` matches, `other` must match too. */
export function demands(
  option: string,
  match: Match,
  other: string,
  otherMatch: Match,
  sentence: string,
): EntityCheck {
  return {
    conditional: {
      if_field: option,
      if_match: match,
      then_field: other,
      then_match: otherMatch,
      then_err: sentence,
    },
  };
}

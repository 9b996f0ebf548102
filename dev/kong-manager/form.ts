/**
 * The form that Kong Manager makes of a schema, as seen with Kong 3.9: records are flattened, what is required comes first,
 * and all else, sorted by name, is below *View Advanced Parameters*.
 */
import type { Field, OptionTable } from '../../bridge/config/fields';

export interface FormField {
  /** Of the option: `security.ssl`. */
  readonly name: string;
  /** Above the input: `Security.Ssl`. */
  readonly label: string;
  readonly help: string;
}

export interface Form {
  readonly first: readonly FormField[];
  readonly advanced: readonly FormField[];
}

export function formOf(table: OptionTable): Form {
  const first = table.filter((field) => field.type !== 'record' && field.required === true);
  const advanced = table.filter((field) => !first.includes(field)).flatMap((field) => flat(field, ''));
  return {
    first: first.flatMap((field) => flat(field, '')),
    advanced: advanced.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function flat(field: Field, prefix: string): FormField[] {
  const name = prefix + field.name;
  if (field.type === 'record') return field.fields.flatMap((inner) => flat(inner, `${name}.`));
  return [{ name, label: labelOf(name), help: field.description }];
}

/** `reply_topic` is *Reply Topic*, `security.ssl` is *Security.Ssl*. */
export function labelOf(name: string): string {
  return name
    .replaceAll('_', ' ')
    .replaceAll(/(^|[ .])([a-z])/g, (_, before: string, letter: string) => before + letter.toUpperCase());
}

/** What of a help text fits below a field. */
export const firstSentence = (help: string): string => /^.*?[.!?](?=\s|$)/.exec(help)?.[0] ?? help;

/** The rules of an option table, where that table is a record inside another one. */
import type { EntityCheck } from './entity-checks';
import type { CrossRule } from './parse';

/**
 * @param name of the record: its sentences begin with the full name of the option, as those of the outer table do
 * @param rules of the inner table; their checks are those of entity-checks.ts, one condition each
 */
export function rulesInside<Name extends string, Config>(
  name: Name,
  rules: readonly CrossRule<Config>[],
): CrossRule<Readonly<Record<Name, Config>>>[] {
  return rules.map(({ complaint, kong }) => ({
    complaint: (config) => {
      const sentence = complaint(config[name]);
      return sentence === undefined ? undefined : `${name}.${sentence}`;
    },
    ...(kong && { kong: kong.map((check) => inside(name, check)) }),
  }));
}

function inside(name: string, check: EntityCheck): EntityCheck {
  return Object.fromEntries(
    Object.entries(check).map(([kind, condition]) => [
      kind,
      Object.fromEntries(
        Object.entries(condition as Record<string, unknown>).map(([member, value]) => [
          member,
          PREFIXED.has(member) ? prefixed(name, value) : value,
        ]),
      ),
    ]),
  );
}

/** What names options: alone, in a list, or as the beginning of a sentence. */
const PREFIXED = new Set(['if_field', 'then_field', 'then_at_least_one_of', 'then_err']);

function prefixed(name: string, value: unknown): unknown {
  return Array.isArray(value) ? value.map((one) => prefixed(name, one)) : `${name}.${String(value)}`;
}

/** Why a schema cannot be had. `detail` names hosts and subjects, never a credential or anything an answer said. */
export type RegistryFailure =
  /** Asked again, the answer would be the same: no such schema, or one that cannot be used. */
  | 'refused'
  /** Nobody answered in time, or only with trouble of their own. */
  | 'unavailable';

export class RegistryError extends Error {
  override readonly name = 'RegistryError';

  constructor(
    readonly kind: RegistryFailure,
    readonly detail: string,
  ) {
    super(detail);
  }
}

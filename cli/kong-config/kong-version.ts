export interface KongVersion {
  /** As Kong says it. */
  readonly text: string;
  readonly isEnterprise: boolean;
  readonly numbers: readonly number[];
}

/** `3.9.1`, `3.11.0.0-enterprise-edition`. @returns undefined for what is no version */
export function kongVersion(version: string): KongVersion | undefined {
  const [, numbers] = /^v?(\d+(?:\.\d+){1,3})(?:-|$)/.exec(version.trim()) ?? [];
  if (numbers === undefined) return undefined;
  const parts = numbers.split('.').map(Number);
  return {
    text: version.trim(),
    isEnterprise: parts.length > 3 || /enterprise/.test(version),
    numbers: parts,
  };
}

/** @param since such as `3.8` */
export function isBefore({ numbers }: KongVersion, since: string): boolean {
  const wanted = since.split('.').map(Number);
  const at = wanted.findIndex((part, index) => (numbers[index] ?? 0) !== part);
  return at >= 0 && (numbers[at] ?? 0) < wanted[at]!;
}

/** Whether a rule holds, and what was found: how every run of this folder is judged. */
export interface Verdict {
  readonly rule: string;
  readonly found: string;
  readonly holds: boolean;
}

export function verdictLine({ rule, found, holds }: Verdict): string {
  return `${holds ? 'PASS' : 'FAIL'}  ${rule}: ${found}`;
}

/** For commander's `.option(…, repeated)`: the values of a flag that may be given several times. */
export const repeated = (value: string, before: string[] = []): string[] => [...before, value];

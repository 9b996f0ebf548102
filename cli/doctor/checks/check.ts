import type { Facts } from '../facts';
import type { Finding } from '../finding';

/** Looks at facts and nothing else. */
export type Check = (facts: Facts) => readonly Finding[];

import { finding } from '../finding';
import type { Check } from './check';

export const unasked: Check = ({ unasked: all }) =>
  all.map(({ where, why }) =>
    finding('not_checked', { where, what: why, fix: 'See: kong-kafka help doctor' }),
  );

import { isBefore } from '../../kong-config/kong-version';
import { finding } from '../finding';
import type { Check } from './check';

const OLDEST = '3.4';
const NEWEST_TRIED = '3.9';
const AFTER_NEWEST_TRIED = '3.10';

export const kongVersions: Check = ({ kong: { version } }) => {
  if (!version) return [];
  const where = `Kong ${version.text}`;
  if (isBefore(version, OLDEST))
    return [
      finding('kong_unsupported', {
        where,
        what: `It is older than ${OLDEST}.`,
        fix: `Kong ${OLDEST} to ${NEWEST_TRIED}.`,
      }),
    ];
  // Fixed in 3.6.2.
  if (!version.isEnterprise && !isBefore(version, '3.6') && isBefore(version, '3.6.2'))
    return [
      finding('kong_ignores_changes', {
        where,
        what: 'Changes of plugin configurations do not reach the plugin server.',
        fix: 'Kong 3.6.2 or newer, or a restart of Kong after each change.',
      }),
    ];
  if (!isBefore(version, AFTER_NEWEST_TRIED))
    return [
      finding('kong_untested', {
        where,
        what: `These plugins were run with versions up to ${NEWEST_TRIED}.`,
        fix: 'Try an upgrade of Kong on a gateway without traffic, with --probe.',
      }),
    ];
  return [];
};

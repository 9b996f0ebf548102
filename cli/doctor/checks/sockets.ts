import { finding } from '../finding';
import type { Check } from './check';

export const sockets: Check = ({ kong: { socketStates } }) =>
  [...socketStates]
    .filter(([, state]) => state !== 'accepts')
    .map(([path, state]) =>
      finding('socket_missing', {
        where: path,
        what: state === 'missing' ? 'There is no such file.' : `Connecting to it fails: ${state}.`,
        fix: "Start the plugin server with --socket-dir of this folder, as the user of Kong's workers.",
      }),
    );

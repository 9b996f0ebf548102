/** Large bodies: in the memory of Kong, or in a file. */
import { entriesIn, nginxBytes } from '../../kong-config/settings';
import { finding } from '../finding';
import { topicUses } from '../topic-uses';
import type { Check } from './check';

const DEFAULT_BUFFER = '8k';

export const bodies: Check = (facts) => {
  const { settings, settingsAreComplete } = facts.kong;
  if (!settings || !settingsAreComplete) return [];
  // A server that Kong has started has its user and its files.
  const isManaged = entriesIn(settings).some(({ startCommand = '' }) => / --managed\b/.test(startCommand));
  const uses = topicUses(facts).filter(({ role }) => role === 'requests');
  const largest = uses.sort((one, other) => (other.mostBytes ?? 0) - (one.mostBytes ?? 0))[0];
  if (isManaged || largest?.mostBytes === undefined) return [];
  const name = 'nginx_http_client_body_buffer_size';
  const size = settings.get(name) ?? DEFAULT_BUFFER;
  const bytes = nginxBytes(size);
  if (bytes === undefined || bytes >= largest.mostBytes) return [];
  return [
    finding('body_files', {
      where: name,
      what: `It is ${size}, and ${largest.plugin.where} lets in ${largest.mostBytes} bytes.`,
      fix: `Share <prefix>/client_body_temp and its user with the plugin server, or set:\n${name} = ${Math.ceil(largest.mostBytes / 1024)}k`,
      // Whether the folder is shared cannot be seen from here.
      ...(settings.has(name) ? {} : { level: 'note' as const }),
    }),
  ];
};

/** Each configuration by itself. */
import { finding } from '../finding';
import type { Check } from './check';

export const invalidConfigurations: Check = ({ plugins }) =>
  plugins.flatMap(({ complaints, where }) =>
    complaints.map((complaint) =>
      finding('config_invalid', {
        where,
        what: complaint,
        fix: `Correct ${complaint.split(':')[0]}; docs/reference has every option.`,
      }),
    ),
  );

export const vaultReferences: Check = ({ plugins }) =>
  plugins.flatMap(({ unresolved, where }) =>
    unresolved.map((option) =>
      finding('vault_reference', {
        where,
        what: `${option} stands in a vault.`,
        fix: 'For {vault://env/…} set the variable here as Kong has it. What other vaults hold cannot be seen from here.',
      }),
    ),
  );

export const perConsumer: Check = ({ plugins }) =>
  plugins
    .filter(({ entity, name }) => entity.isPerConsumer && name !== 'custom_kafka_log')
    .map(({ where, name }) =>
      finding('per_consumer', {
        where,
        what: `${name} is configured for a consumer or a group of consumers.`,
        fix: 'Put it on the route.',
      }),
    );

/** Asks Kong for what custom_kafka_producer asks for, and does nothing with it. */
import type { PlannedPhase } from '../../../../pluginserver/plugin-module';

const MAX_HEADERS = 1000;

export class Plugin {
  readonly planned: { access: PlannedPhase } = {
    access: {
      reads: [
        ['kong.request.get_method'],
        ['kong.request.get_headers', MAX_HEADERS],
        ['kong.request.get_raw_body', 0],
      ],
      run: (event) => event.pass(),
    },
  };
  access(): void {}
}

export const Name = 'empty_producer';

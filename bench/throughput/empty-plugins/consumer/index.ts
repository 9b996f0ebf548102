/** Answers as custom_kafka_consumer does, without waiting for anything. */
import type { PlannedPhase } from '../../../../pluginserver/plugin-module';
import { bodyOf } from '../../../load/payload';

export class Plugin {
  readonly planned: { access: PlannedPhase } = {
    access: {
      reads: [],
      run: (event) =>
        event.exit(200, Buffer.from(bodyOf(event.requestId ?? '')), { 'content-type': 'application/json' }),
    },
  };
  access(): void {}
}

export const Name = 'empty_consumer';

/** What the plugin does with a request. */
import type { Phase } from '../../bridge/phase';

export interface Mode {
  readonly access: Phase;
  /** @param whenUnused called once, when nothing of it goes on */
  close(whenUnused: () => void): void;
}

/**
 * The bytes that this process holds for its requests, wherever they lie, in one account: bodies that are read, records
 * that no broker has acknowledged, answers that Kong has not taken. The plugin server sets the limit; in Kong's stock
 * server there is none.
 */
import { GatewayError } from './errors';

export class BytesInFlight {
  held = 0;
  limit = Infinity;
  /** Told of each refusal. */
  onRefused: () => void = () => undefined;

  /** False, and nothing is taken, when that would be too much. */
  reserve(sizeBytes: number): boolean {
    if (this.held + sizeBytes > this.limit) {
      this.onRefused();
      return false;
    }
    this.held += sizeBytes;
    return true;
  }

  /** For what is there already and cannot be refused; negative to give back. */
  add(sizeBytes: number): void {
    this.held += sizeBytes;
  }
}

/** Of this process. */
export const bytesInFlight = new BytesInFlight();

/** For what was accepted, but does not fit in any more. */
export function tooManyBytes(sizeBytes: number): GatewayError {
  return new GatewayError(
    'overloaded',
    `as many bytes are in flight as the plugin server takes on; another ${sizeBytes} do not fit`,
  );
}

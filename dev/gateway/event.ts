/** How one plugin's part in the access phase can end. */
import type { ExitResponse, RequestContext } from './request-context';

export type EventOutcome =
  /** The handler came back: the next plugin's turn. */
  | { readonly kind: 'done' }
  | { readonly kind: 'exit'; readonly response: ExitResponse }
  /** Kong answers 500. */
  | { readonly kind: 'error'; readonly message: string };

export const DONE: EventOutcome = { kind: 'done' };

export function failed(message: string): EventOutcome {
  return { kind: 'error', message };
}

/** A request in a phase. No event is ever called off: Kong does not notice a client that leaves. */
export interface Event {
  readonly request: RequestContext;
  readonly phase: string;
}

/** What a plugin server's protocol must be able to do. One per worker and plugin. */
export interface PluginRpc {
  /** The new instance's id; throws an `Error` whose message is Kong's. */
  startInstance(pluginName: string, configJson: string): Promise<number>;
  closeInstance(instanceId: number): Promise<void>;
  /** Kong's text for what went wrong, or how the event ended. */
  handleEvent(instanceId: number, event: Event): Promise<EventResult>;
  readonly openConnections: number;
  close(): void;
}

export type EventResult = EventOutcome | { readonly kind: 'failed'; readonly reason: string };

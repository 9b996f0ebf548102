/**
 * A phase whose questions to Kong are known when its configuration comes.
 *
 * They are laid in one buffer then, together with the server's own question for the request id. A request costs one
 * write, one object and one callback: no `kong` object, no promise, no closure.
 */

import { GatewayError } from '../bridge/errors';
import { encodeString } from './messages';
import { PDK_METHODS, pdkMethod, type PdkMethod } from './pdk';
import type { PlannedPhase } from './plugin-module';

/** Phases that run inside a request, where nginx variables and `exit` exist. In the others both are Lua errors. */
export const REQUEST_PHASES: ReadonlyMap<string, string> = new Map(
  ['rewrite', 'access', 'response'].map((phase) => [phase, phase]),
);

export const REQUEST_ID_VARIABLE = 'kong_request_id';
const GET_VAR = pdkMethod('kong.nginx.get_var');
/** The question that comes before all others of an event. */
export const REQUEST_ID_CALL = Buffer.concat([GET_VAR.nameFrame, encodeString(REQUEST_ID_VARIABLE)]);
/** Kong before 3.5 has no id of its own; nginx's serves there. */
export const NGINX_ID_CALL = Buffer.concat([GET_VAR.nameFrame, encodeString('request_id')]);

export interface PlannedCall {
  readonly method: PdkMethod;
  readonly args: readonly unknown[];
}

export class ReadPlan {
  /** All questions as they go to Kong; inside a request that for its id comes first. */
  readonly frames: Buffer;
  readonly calls: readonly PlannedCall[];

  /** @throws GatewayError for a method that Kong does not have, or arguments it would fail on */
  constructor(
    readonly phase: PlannedPhase,
    readonly isInRequest = true,
  ) {
    this.calls = phase.reads.map(([wireName, ...args]) => {
      const method = PDK_METHODS.get(wireName);
      if (method === undefined) throw new GatewayError('internal', `Kong has no ${wireName}`);
      return { method, args };
    });
    this.frames = Buffer.concat([
      ...(isInRequest ? [REQUEST_ID_CALL] : []),
      ...this.calls.flatMap(({ method, args }) => [method.nameFrame, method.encode(args)]),
    ]);
  }
}

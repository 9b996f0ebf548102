/**
 * A phase of a plugin as our plugin server runs it: what it asks of Kong is known when its configuration comes, and one
 * callback gets all answers. `overPromises` runs the same phase over the `kong` object of npm kong-pdk, for Kong's stock
 * server. The plugin server's side of it is pluginserver/plugin-module.ts.
 */
import { errorAnswer, GatewayError, toGatewayError } from './errors';
import { onOver, type Kong } from './kong';
import { kongRequestId } from './request/kong-request-id';

/** A question to Kong, under Kong's own name. */
export type Read =
  | readonly ['kong.request.get_method']
  /** @param max headers at most; Kong's own limit is 1000, and its default of 100 drops the rest silently */
  | readonly ['kong.request.get_headers', number]
  /** @param max bytes; 0 means any size */
  | readonly ['kong.request.get_raw_body', number]
  | readonly ['kong.request.get_raw_query']
  | readonly ['kong.nginx.get_var', string]
  | readonly ['kong.request.get_forwarded_scheme']
  | readonly ['kong.request.get_uri_captures']
  | readonly ['kong.client.get_consumer']
  | readonly ['kong.router.get_route']
  | readonly ['kong.router.get_service']
  | readonly ['kong.ctx.shared.get', string]
  /** In the log phase only, where all others that are about the request or nginx are errors. */
  | readonly ['kong.log.serialize'];

/** Something Kong is told; nobody needs its answer. */
export type Tell =
  | readonly ['kong.log.err', string]
  | readonly ['kong.ctx.shared.set', string, string]
  | readonly ['kong.nginx.set_ctx', string, KongTable | string]
  | readonly ['kong.log.set_serialize_value', string, KongTable]
  | readonly ['kong.service.request.set_header', string, string]
  | readonly ['kong.service.set_target', string, number]
  | readonly ['kong.service.request.set_scheme', string]
  | readonly ['kong.service.request.set_path', string]
  | readonly ['kong.service.request.set_method', string]
  | readonly ['kong.service.request.set_raw_body', string];

/** A Lua table; undefined members are left out. */
export interface KongTable {
  readonly [name: string]: string | number | undefined | KongTable;
}

export interface Phase {
  readonly reads: readonly Read[];
  /**
   * The event ends by `exit` or `pass`, now or later.
   * @param answers one for each of `reads`; an Error where that one failed
   */
  run(event: PhaseEvent, answers: readonly unknown[]): void;
}

export interface PhaseEvent {
  /** Kong's id of the request, the same in every plugin and when Kong runs an event again; not in the log phase. */
  readonly requestId: string | undefined;
  tell(...call: Tell): void;
  exit(status: number, body: Buffer, headers: Readonly<Record<string, string | string[]>>): void;
  /** Kong goes on with the next plugin. */
  pass(): void;
  /** Asks Kong for more: the event goes on with that phase, and ends in it. */
  goOn(next: Phase): void;
  /** Calls back when the event is over before the plugin has ended it. Only our server can tell. */
  onOver(callback: () => void): void;
}

/**
 * The questions of two that share a phase, none of them twice. The answers begin with those to `asked`.
 * @returns `answersTo`: the answers to `more` alone
 */
export function bothReads(
  asked: readonly Read[],
  more: readonly Read[],
): { readonly reads: readonly Read[]; readonly answersTo: (all: readonly unknown[]) => unknown[] } {
  const reads = [...asked];
  const at = more.map((read) => {
    const known = asked.findIndex((other) => read.every((part, index) => part === other[index]));
    return known < 0 ? reads.push(read) - 1 : known;
  });
  return { reads, answersTo: (all) => at.map((index) => all[index]) };
}

/**
 * Resolves when the phase has ended its event. It ends with an error where Kong could not be told something: the next
 * plugin would miss it.
 */
export async function overPromises(kong: Kong, phase: Phase): Promise<void> {
  const answersTo = ({ reads }: Phase): Promise<unknown[]> =>
    Promise.all(reads.map((read) => ask(kong, read).catch(toGatewayError)));
  const [requestId, answers] = await Promise.all([
    kongRequestId(kong).catch(() => undefined),
    answersTo(phase),
  ]);
  const told: Promise<unknown>[] = [];
  await new Promise<unknown>((resolve, reject) => {
    const event: PhaseEvent = {
      requestId,
      tell: (...call) => void told.push(tell(kong, call)),
      exit: (status, body, headers) => resolve(kong.response.exit(status, body, { ...headers })),
      pass: () => resolve(undefined),
      goOn: (next) =>
        void answersTo(next)
          .then((found) => next.run(event, found))
          .catch(reject),
      onOver: (callback) =>
        onOver(kong, () => {
          callback();
          resolve(undefined);
        }),
    };
    phase.run(event, answers);
  });
  await Promise.all(told).catch((reason: unknown) => {
    const { status, body, headers } = errorAnswer(reason, { requestId });
    return kong.response.exit(status, body, { ...headers });
  });
}

function ask(kong: Kong, read: Read): Promise<unknown> {
  switch (read[0]) {
    case 'kong.request.get_method':
      return kong.request.getMethod();
    case 'kong.request.get_headers':
      return kong.request.getHeaders(read[1]);
    case 'kong.request.get_raw_body':
      return kong.request.getRawBody(read[1]);
    case 'kong.request.get_raw_query':
      return kong.request.getRawQuery();
    case 'kong.nginx.get_var':
      return kong.nginx.getVar(read[1]);
    case 'kong.request.get_forwarded_scheme':
      return kong.request.getForwardedScheme();
    case 'kong.request.get_uri_captures':
      return kong.request.getUriCaptures();
    case 'kong.client.get_consumer':
      return kong.client.getConsumer();
    case 'kong.router.get_route':
      return kong.router.getRoute();
    case 'kong.router.get_service':
      return kong.router.getService();
    case 'kong.ctx.shared.get':
      return kong.ctx.shared.get(read[1]);
    case 'kong.log.serialize':
      return kong.log.serialize();
  }
}

function tell(kong: Kong, call: Tell): Promise<unknown> {
  switch (call[0]) {
    case 'kong.log.err':
      return kong.log.err(call[1]).catch(() => undefined);
    case 'kong.ctx.shared.set':
      return kong.ctx.shared.set(call[1], call[2]);
    case 'kong.nginx.set_ctx':
      return kong.nginx.setCtx(call[1], call[2]);
    case 'kong.log.set_serialize_value':
      return kong.log.setSerializeValue(call[1], call[2]);
    case 'kong.service.request.set_header':
      return kong.service.request.setHeader(call[1], call[2]);
    case 'kong.service.set_target':
      return kong.service.setTarget(call[1], call[2]);
    case 'kong.service.request.set_scheme':
      return kong.service.request.setScheme(call[1]);
    case 'kong.service.request.set_path':
      return kong.service.request.setPath(call[1]);
    case 'kong.service.request.set_method':
      return kong.service.request.setMethod(call[1]);
    case 'kong.service.request.set_raw_body':
      return kong.service.request.setRawBody(call[1]);
  }
}

/**
 * The answer to a read.
 * @param index -1 for what was not asked; V8 would look for a property of that name, which takes long
 * @throws GatewayError with which it failed
 */
export function answerOf<T>(answers: readonly unknown[], index: number): T {
  const answer = index < 0 ? undefined : answers[index];
  if (answer instanceof GatewayError) throw answer;
  return answer as T;
}

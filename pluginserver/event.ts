/**
 * One event: one phase of one request, run by one handler over one connection.
 *
 *     Kong:    HandleEvent
 *     server:  kong.nginx.get_var, and the handler's first calls        one write
 *     Kong:    the answers, in order
 *     server:  … more calls …, then exit, or EndOfCalls + RpcReturn
 *
 * An event never ends by closing its connection: Kong would run it again at once, without limit. Whatever goes
 * wrong becomes `exit(5xx)`, or, where there is no exit, a call that Kong refuses with one clean 500.
 */

import { errorAnswer, GatewayError, toGatewayError, type HttpAnswer } from '../bridge/errors';
import { log } from '../bridge/telemetry/log';
import { BrokenConfiguration } from './broken-configurations';
import type { Connection, ExpectedAnswer } from './connection';
import { toAnswer } from './exit-arguments';
import { frameOf } from './frames';
import { encodeExit, encodeReturn, decodeOptionalString, EMPTY, END_OF_CALLS } from './messages';
import { createKong, pdkMethod, type PdkCaller, type PdkMemory, type PdkMethod } from './pdk';
import type { PlannedEvent, PlannedPhase } from './plugin-module';
import { NGINX_ID_CALL, REQUEST_ID_CALL, REQUEST_ID_VARIABLE, REQUEST_PHASES, ReadPlan } from './read-plan';
import { Refusal } from './refusal';

/** What an event needs from the plugin it runs for. */
export interface EventOwner {
  readonly pluginName: string;
  /** Counts the server's timer: a clock that costs nothing to read. */
  readonly tick: number;
  /** True while some event was run so often that no handler may start before its request id is known. */
  readonly holdsHandlers: boolean;
  isExhausted(requestId: string, phase: string): boolean;
  /** @throws GatewayError `overloaded` */
  reserveBytes(sizeBytes: number): void;
  /** Once per event, when it has been answered or its connection is gone. */
  onEnd(event: PluginEvent, how: EventEnd): void;
  /** A handler failed. True for the plugin's first failure, which also goes to Kong's own log. */
  countError(error: unknown): boolean;
}

export type EventEnd = 'exit' | 'return' | 'closed';
export type Handler = (kong: object) => unknown;

const EXIT = pdkMethod('kong.response.exit');
const GET_VAR = pdkMethod('kong.nginx.get_var');
const LOG_ERR = pdkMethod('kong.log.err');

const HEARTBEAT_CALL = Buffer.concat([pdkMethod('kong.nginx.get_subsystem').nameFrame, EMPTY]);
/** Kong answers an unknown method with one 500 for the client and forgets the connection. */
const REFUSED_CALL = Buffer.concat([frameOf(Buffer.from('kong.event.failed')), EMPTY]);

const NO_ANSWERS: unknown[] = [];
const noop = (): void => undefined;
const IGNORED_ANSWER: ExpectedAnswer = { answer: noop, fail: noop };

/** As an expected answer, an event is the one that waits for its own request id, and for the answers of its plan. */
export class PluginEvent implements PdkCaller, PdkMemory, PlannedEvent, ExpectedAnswer {
  /** Tick of the server's timer when the event began, and when it last wrote. */
  readonly startedTick: number;
  activeTick: number;
  readonly phase: string;

  private readonly inRequest: boolean;
  private held = false;
  private ended: EventEnd | 'server' | undefined;
  private requestIdState: 'unknown' | 'asked' | 'known' = 'unknown';
  /** Known from the first answer on; undefined outside of requests. */
  requestId: string | undefined;
  /** What Kong has said so far to the questions of a plan, and how many answers are missing. */
  private answers: unknown[] = [];
  private answersToCome = 0;
  /** Of handlers that ask for the id themselves; they share the server's own call. */
  private requestIdAnswer: PdkAnswer | undefined;
  private abort: AbortController | undefined;
  private abortReason: GatewayError | undefined;
  /** Called in their order; most handlers have one. */
  private whenOver: (() => void) | undefined;
  /** Of bodies that the handler may be holding. The owner takes them back at the end. */
  reservedBytes = 0;

  constructor(
    private readonly connection: Connection,
    private readonly owner: EventOwner,
    /** It counts what is open of it. */
    readonly instance: { eventsInFlight: number },
    phase: string,
    private readonly sequence: number,
    /** Undefined when it has begun: what it keeps is its own affair. */
    private work: Handler | ReadPlan | undefined,
  ) {
    this.startedTick = owner.tick;
    this.activeTick = owner.tick;
    const requestPhase = REQUEST_PHASES.get(phase);
    this.inRequest = requestPhase !== undefined;
    // One string for all events; the one from the wire was made for this one.
    this.phase = requestPhase ?? phase;
  }

  start(): void {
    const { work } = this;
    if (!this.inRequest) {
      this.startOutside(work);
      return;
    }
    this.requestIdState = 'asked';
    this.connection.expect(this);
    if (typeof work === 'function') {
      this.connection.send(REQUEST_ID_CALL);
      this.held = this.owner.holdsHandlers;
      if (!this.held) this.runHandler(work);
      return;
    }
    if (work !== undefined) this.ask(work);
  }

  /** Of requests: there is no id to ask for. */
  private startOutside(work: Handler | ReadPlan | undefined): void {
    if (typeof work === 'function') {
      this.runHandler(work);
      return;
    }
    if (work === undefined) return;
    this.requestIdState = 'known';
    if (work.calls.length === 0) this.runPlan(work);
    else this.ask(work);
  }

  private ask({ calls, frames }: ReadPlan): void {
    for (let count = calls.length; count > 0; count--) this.connection.expect(this);
    this.answersToCome = calls.length;
    this.connection.send(frames);
    this.connection.flush();
  }

  get open(): boolean {
    return this.ended === undefined;
  }

  /** Its phase has not run: Kong is being asked what it needs. */
  get isAsking(): boolean {
    return this.open && typeof this.work === 'object';
  }

  // ---- What the handler does -----------------------------------------------------------------------------

  /** Aborted when Kong has closed the connection or the server has answered the event itself. */
  get signal(): AbortSignal {
    if (this.abort === undefined) {
      this.abort = new AbortController();
      if (this.abortReason !== undefined) this.abort.abort(this.abortReason);
    }
    return this.abort.signal;
  }

  /** Calls back when `signal` would abort, at once if it has. An AbortController costs 3 % of an event, this nothing. */
  onOver(callback: () => void): void {
    const before = this.whenOver;
    if (this.abortReason !== undefined) this.runOverCallback(callback);
    else if (before === undefined) this.whenOver = callback;
    else {
      this.whenOver = () => {
        this.runOverCallback(before);
        callback();
      };
    }
  }

  call(method: PdkMethod, args: readonly unknown[]): Promise<unknown> {
    if (method === EXIT) return this.exitWith(args[0], args[1], args[2]);
    if (this.open && method === GET_VAR && args[0] === REQUEST_ID_VARIABLE) {
      if (this.requestIdState === 'known') return Promise.resolve(this.requestId);
      if (this.requestIdState === 'asked') {
        return (this.requestIdAnswer ??= new PdkAnswer(method, args, this)).promise;
      }
    }
    const answer = new PdkAnswer(method, args, this);
    if (this.open) this.sendCall(method, args, answer);
    else {
      answer.fail(
        this.abortReason ?? new GatewayError('internal', `${method.wireName} was called after the event`),
      );
    }
    return answer.promise;
  }

  private sendCall(method: PdkMethod, args: readonly unknown[], answer: ExpectedAnswer): void {
    this.activeTick = this.owner.tick;
    let encoded: Buffer;
    try {
      encoded = method.encode(args);
    } catch (error) {
      answer.fail(toGatewayError(error));
      return;
    }
    this.connection.expect(answer);
    this.connection.send(method.nameFrame);
    this.connection.send(encoded);
  }

  /** Resolves at once: Kong does not answer an exit, it closes the connection. */
  private exitWith(status: unknown, body: unknown, headers: unknown): Promise<void> {
    if (this.open) {
      const { answer, error } = toAnswer(status, body, headers, this.requestId);
      if (error !== undefined) this.reportError(error);
      this.writeExit(answer);
      this.end('exit');
    } else if (this.ended === 'exit' || this.ended === 'return') {
      log.error('a handler called exit for an event that it had already ended', this.facts());
    }
    return Promise.resolve();
  }

  private writeExit({ status, body, headers }: Pick<HttpAnswer, 'status' | 'body' | 'headers'>): void {
    for (const part of encodeExit(EXIT.nameFrame, status, body, headers)) this.connection.send(part);
    this.connection.flush();
  }

  /** @throws GatewayError `overloaded`, or that nobody waits for what would be held */
  reserveBytes(sizeBytes: number): void {
    if (!this.open) throw this.abortReason ?? new GatewayError('internal', 'the event is over');
    this.owner.reserveBytes(sizeBytes);
    this.reservedBytes += sizeBytes;
  }

  // ---- What a planned phase does: see plugin-module.ts ---------------------------------------------------

  exit(status: number, body: Buffer, headers: Readonly<Record<string, string | string[]>>): void {
    if (!this.open) return;
    if (!this.inRequest) {
      this.pass();
      return;
    }
    this.writeExit({ status, body, headers });
    this.end('exit');
  }

  pass(): void {
    this.onHandlerReturn();
  }

  goOn(next: PlannedPhase): void {
    if (!this.open) return;
    // The id is known, and no part of it any more.
    const plan = new ReadPlan(next, false);
    this.activeTick = this.owner.tick;
    this.answers = [];
    this.work = plan;
    if (plan.calls.length === 0) this.runPlan(plan);
    else this.ask(plan);
  }

  tell(wireName: string, ...args: unknown[]): void {
    if (this.open) this.sendCall(pdkMethod(wireName), args, IGNORED_ANSWER);
  }

  /** An answer to one of its questions. */
  private onPlannedAnswer(plan: ReadPlan, payload: Buffer): void {
    if (!this.open) return;
    const call = plan.calls[this.answers.length];
    if (call === undefined) {
      this.learnRequestId(payload);
      if (!this.isRefusedRerun()) this.onAnswerThere(plan);
      return;
    }
    let value: unknown;
    try {
      value = call.method.decode(payload, call.args, this);
    } catch (error) {
      value = toGatewayError(error);
    }
    this.addAnswer(plan, value);
  }

  /** Behind its other questions, as the last answer. */
  private askForNginxId(): void {
    this.answersToCome++;
    this.connection.expect(this);
    this.connection.send(NGINX_ID_CALL);
    this.connection.flush();
  }

  private addAnswer(plan: ReadPlan, value: unknown): void {
    const index = this.answers.push(value) - 1;
    if (!isThenable(value)) {
      this.onAnswerThere(plan);
      return;
    }
    const settle = (content: unknown): void => {
      this.answers[index] = content;
      this.onAnswerThere(plan);
    };
    value.then(settle, (error: unknown) => settle(toGatewayError(error)));
  }

  private onAnswerThere(plan: ReadPlan): void {
    if (--this.answersToCome > 0 || !this.open) return;
    this.runPlan(plan);
  }

  private runPlan(plan: ReadPlan): void {
    const { answers } = this;
    // The body is among them, and the event may wait for long.
    this.answers = NO_ANSWERS;
    this.work = undefined;
    try {
      plan.phase.run(this, answers);
    } catch (error) {
      this.onHandlerError(error);
    }
  }

  // ---- How the handler ends ------------------------------------------------------------------------------

  private runHandler(handler: Handler): void {
    this.work = undefined;
    let result: unknown;
    try {
      result = handler(createKong(this));
    } catch (error) {
      this.onHandlerError(error);
      return;
    }
    if (isThenable(result)) {
      result.then(
        () => this.onHandlerReturn(),
        (error: unknown) => this.onHandlerError(error),
      );
    } else this.onHandlerReturn();
  }

  private onHandlerReturn(): void {
    if (!this.open) return;
    this.writeReturn();
    this.end('return');
  }

  private writeReturn(): void {
    this.connection.send(END_OF_CALLS);
    this.connection.send(encodeReturn(this.sequence));
    this.connection.flush();
  }

  private onHandlerError(error: unknown): void {
    if (this.ended === 'closed' || this.ended === 'server') {
      // The rejection of its calls, most likely: nobody waits for what this handler would say.
      log.debug('a handler failed after its event was over', { ...this.facts(), reason: String(error) });
      return;
    }
    const first = this.reportError(error);
    if (!this.open) return;
    if (first || isUntold(error)) this.logToKong(error);
    this.answerError(error);
    this.end('exit');
  }

  private reportError(error: unknown): boolean {
    if (error instanceof GatewayError) {
      // What a client or Kafka did is routine; a status of 500 means that an operator has something to do. Of a broken
      // configuration that was said when its instance started.
      const level = error.status === 500 && !(error instanceof BrokenConfiguration) ? 'warn' : 'debug';
      log[level]('a handler ended with an error', {
        ...this.facts(),
        code: error.code,
        detail: error.detail,
      });
    } else {
      const failure = error instanceof Error ? error : new Error('a value that is not an Error was thrown');
      log.error('a handler threw: this is a bug in the plugin', { ...this.facts(), error: failure });
    }
    return this.owner.countError(error);
  }

  /** A managed server's own output is invisible at Kong's default log level. */
  private logToKong(error: unknown): void {
    if (error instanceof BrokenConfiguration) error.isUntold = false;
    const { code, detail } = toGatewayError(error);
    const text = `${this.owner.pluginName}: ${code}: ${detail} (further failures are only in the plugin server's log)`;
    this.sendCall(LOG_ERR, [text], new PdkAnswer(LOG_ERR, [], this));
  }

  private answerError(error: unknown): void {
    if (this.inRequest) this.writeExit(errorAnswer(error, { requestId: this.requestId }));
    else if (this.phase === 'log') this.writeReturn();
    else this.writeRefusal();
  }

  private writeRefusal(): void {
    this.connection.send(REFUSED_CALL);
    this.connection.flush();
  }

  // ---- How the server ends it ----------------------------------------------------------------------------

  /** Answers the event with this error, synchronously; the handler is told by `abortHandler`. */
  refuse(refusal: Refusal): void {
    if (!this.open) return;
    this.abortReason = refusal.error;
    if (this.inRequest) {
      this.connection.send(refusal.frames(this.requestId));
      this.connection.flush();
    } else this.answerError(refusal.error);
    this.ended = 'server';
    this.owner.onEnd(this, 'exit');
  }

  /** Runs the handler's abort listeners: after all events have been refused, as listeners take time. */
  abortHandler(): void {
    if (this.abortReason === undefined) return;
    this.abort?.abort(this.abortReason);
    const callback = this.whenOver;
    this.whenOver = undefined;
    if (callback !== undefined) this.runOverCallback(callback);
  }

  /** One plugin's mistake must not keep the others from being told. */
  private runOverCallback(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.reportError(error);
    }
  }

  /** Kong has sent something that an event cannot contain: the event ends with one clean 500. */
  failProtocol(): void {
    log.error('Kong sent a call inside an event; the event fails', this.facts());
    this.abortReason = new GatewayError('internal', 'Kong broke the plugin protocol');
    this.writeRefusal();
    this.ended = 'server';
    this.owner.onEnd(this, 'exit');
    this.abortHandler();
  }

  onConnectionClosed(): void {
    if (!this.open) return;
    this.abortReason = new GatewayError('internal', 'Kong closed the connection');
    this.end('closed');
    this.abortHandler();
  }

  /** Kong gives up after 60 s without a byte from us; any call will do. */
  heartbeat(): void {
    this.activeTick = this.owner.tick;
    this.connection.expect(IGNORED_ANSWER);
    this.connection.send(HEARTBEAT_CALL);
  }

  /** Kong's answer to the server's own question, or to one of a plan. */
  answer(payload: Buffer): void {
    const { work } = this;
    if (this.requestIdState === 'known') {
      if (typeof work === 'object') this.onPlannedAnswer(work, payload);
      return;
    }
    this.learnRequestId(payload);
    if (!this.open) {
      this.requestIdAnswer?.fail(new GatewayError('internal', 'the event is over'));
    } else if (!this.isRefusedRerun()) {
      this.requestIdAnswer?.answer(payload);
      this.requestIdAnswer = undefined;
      if (typeof work === 'function') {
        if (this.held) this.runHandler(work);
      } else if (work !== undefined && this.requestId === undefined) this.askForNginxId();
      else if (work?.calls.length === 0) this.runPlan(work);
    }
  }

  /** True when Kong has run it again too often: it has its answer then. */
  private isRefusedRerun(): boolean {
    if (this.requestId === undefined || !this.owner.isExhausted(this.requestId, this.phase)) return false;
    log.error('an event was run again too often and is refused', this.facts());
    const detail = 'Kong ran this event again after its connection had closed twice';
    this.refuse(new Refusal(new GatewayError('not_ready', detail)));
    this.abortHandler();
    return true;
  }

  private learnRequestId(payload: Buffer): void {
    this.requestIdState = 'known';
    try {
      this.requestId = decodeOptionalString(payload);
    } catch (error) {
      log.error('Kong sent a request id that cannot be read', { ...this.facts(), reason: String(error) });
    }
  }

  fail(error: GatewayError): void {
    if (this.requestIdState !== 'known') {
      this.requestIdState = 'known';
      this.requestIdAnswer?.fail(error);
      if (typeof this.work === 'object' && this.open) this.askForNginxId();
    } else if (typeof this.work === 'object' && this.answersToCome > 0) this.addAnswer(this.work, error);
  }

  private end(how: EventEnd): void {
    this.ended = how;
    // Its connection keeps the event until the next one, and the callback may keep a reply.
    if (how !== 'closed') this.whenOver = undefined;
    this.owner.onEnd(this, how);
  }

  private facts(): Record<string, unknown> {
    return { plugin: this.owner.pluginName, phase: this.phase, request_id: this.requestId };
  }
}

/** The promise of one PDK call. */
class PdkAnswer implements ExpectedAnswer {
  readonly promise: Promise<unknown>;
  private resolve: (value: unknown) => void = noop;
  private reject: (error: GatewayError) => void = noop;

  constructor(
    private readonly method: PdkMethod,
    private readonly args: readonly unknown[],
    private readonly memory: PdkMemory,
  ) {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  answer(payload: Buffer): void {
    try {
      this.resolve(this.method.decode(payload, this.args, this.memory));
    } catch (error) {
      this.fail(toGatewayError(error));
    }
  }

  /** Nobody may be waiting for this call: that must not count as an unhandled rejection. */
  fail(error: GatewayError): void {
    this.promise.catch(noop);
    this.reject(error);
  }
}

function isUntold(error: unknown): boolean {
  return error instanceof BrokenConfiguration && error.isUntold;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/** A client of one stream, which follows it from gateway to gateway as a browser would behind a load balancer. */
import { request, type IncomingMessage } from 'node:http';
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Fleet, Gateway } from '../load/fleet';

export interface SeenStream {
  /** Those of the connections before the first id: each of them is a request of its own. */
  asked: number;
  lastEventId: string | undefined;
  /** The `step` of each reply, in the order in which they were seen. */
  readonly steps: number[];
  isComplete: boolean;
  gone: number;
  gaps: number;
  cutOff: number;
  moved: number;
  readonly awayMs: number[];
}

const TRY_AGAIN_MS = 200;
/** A stream is left alone for so long on the average, then its client moves to another gateway. */
const MOVES_AFTER_MS = 10_000;

/** @returns when the end was seen, or the time is over */
export async function follow(fleet: Fleet, path: string, untilMs: number): Promise<SeenStream> {
  const seen: SeenStream = {
    asked: 0,
    lastEventId: undefined,
    steps: [],
    isComplete: false,
    gone: 0,
    gaps: 0,
    cutOff: 0,
    moved: 0,
    awayMs: [],
  };
  let gateway: Gateway = fleet.any();
  let leftAtMs: number | undefined;
  while (!seen.isComplete && seen.gone === 0 && performance.now() < untilMs) {
    if (seen.lastEventId === undefined) {
      // What was seen was of another request.
      seen.asked++;
      seen.steps.length = 0;
    }
    const response = await open(gateway.url + path, seen.lastEventId);
    if (response?.statusCode === 200) {
      if (leftAtMs !== undefined) seen.awayMs.push(performance.now() - leftAtMs);
      const hasMoved = await read(response, seen);
      leftAtMs = performance.now();
      if (hasMoved) seen.moved++;
      else if (!seen.isComplete) seen.cutOff++;
    } else {
      response?.resume();
      if (response?.statusCode === 410) seen.gone++;
      await pause(TRY_AGAIN_MS);
    }
    gateway = fleet.any(gateway.number);
  }
  return seen;
}

function open(url: string, lastEventId: string | undefined): Promise<IncomingMessage | undefined> {
  return new Promise((resolve) => {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const sent = request(url, { agent: false, headers }, resolve);
    sent.on('error', () => resolve(undefined));
    sent.end();
  });
}

/** @returns whether it has left by itself */
function read(response: IncomingMessage, seen: SeenStream): Promise<boolean> {
  return new Promise((resolve) => {
    let [text, hasMoved] = ['', false];
    const leave = setTimeout(
      () => {
        hasMoved = seen.lastEventId !== undefined;
        if (hasMoved) response.destroy();
      },
      randomInt(2 * MOVES_AFTER_MS),
    );
    response.setEncoding('utf8').on('data', (chunk: string) => {
      if (hasMoved) return;
      const blocks = (text + chunk).split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) take(block, seen);
    });
    response.on('error', () => undefined);
    response.on('close', () => {
      clearTimeout(leave);
      resolve(hasMoved);
    });
  });
}

function take(block: string, seen: SeenStream): void {
  const field = (name: string): string | undefined =>
    block
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  seen.lastEventId = field('id') ?? seen.lastEventId;
  const data = field('data');
  if (data === undefined) return;
  const event = field('event');
  if (event === 'end') seen.isComplete = true;
  else if (event === 'gap') seen.gaps++;
  else if (event === undefined) seen.steps.push((JSON.parse(data) as { step: number }).step);
}

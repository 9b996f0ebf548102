/** The status page: how it is, and what to do about what is not well. No scripts; it loads itself again. */
import { document } from './document';
import type {
  BrokenFacts,
  ClientFacts,
  ClusterFacts,
  ConfigurationFacts,
  EventFacts,
  FailureFacts,
  PageFacts,
  WorkerFacts,
} from './facts';
import { healthOf, problemOf, rateText, type Problem } from './health';
import { html, type Html } from './html';
import { noticesOf, type Notice } from './notices';

export const REFRESH_SECONDS = 10;
/** More would be a page that nobody reads, and that costs time to make; /status has all. */
const MOST_CARDS = 100;
const MOST_BROKERS = 30;
const GUIDE = '/troubleshooting';

export function statusPage(facts: PageFacts, now: Date = new Date()): string {
  const notices = noticesOf(facts, now);
  const health = healthOf(facts, notices.length > 0);
  const content = html`<header class="health ${health.mood}">
      <h1>${health.line}</h1>
      <p>${health.detail}</p>
    </header>
    ${noticeCards(notices, now)}
    <h2>Configurations</h2>
    ${cards(facts, now)} ${workerCards(facts)}
    <div class="beside">
      <section>
        <h2>Clusters</h2>
        ${clusterCards(facts.clusters)}
      </section>
      <section>
        <h2>Recent events</h2>
        ${eventList(facts.events, now)}
      </section>
    </div>
    ${footer(facts, now)}`;
  return document(`${health.line} – Kafka request-reply`, content, REFRESH_SECONDS);
}

function noticeCards(notices: readonly Notice[], now: Date): Html | undefined {
  if (notices.length === 0) return undefined;
  return html`<h2>Look at this</h2>
    <div class="cards">${notices.map((notice) => noticeCard(notice, now))}</div>`;
}

function noticeCard(notice: Notice, now: Date): Html {
  const { happened } = notice;
  const often =
    happened &&
    html`<p class="soft">
      ${timesText(happened.count)} since the start, for the last time ${ago(happened.at, now)}.
    </p>`;
  return html`<section class="card">${advice(notice)} ${often}</section>`;
}

/** What cannot work first, then what does not, then what is well. */
function cards({ configurations, clusters, broken }: PageFacts, now: Date): Html {
  if (configurations.length + broken.length === 0) {
    return html`<p class="soft">None yet: Kong brings them with the first request.</p>`;
  }
  const ordered = configurations
    .map((configuration) => ({ configuration, problem: problemOf(configuration, clusters) }))
    .sort((one, other) => weight(other.problem) - weight(one.problem));
  const more = ordered.length - MOST_CARDS;
  return html`<div class="cards">
      ${broken.map((one) => brokenCard(one, now))}
      ${ordered
        .slice(0, MOST_CARDS)
        .map(({ configuration, problem }) => configurationCard(configuration, problem, now))}
    </div>
    ${more > 0 ? html`<p class="soft">And ${more} more, in <a href="/status">/status</a>.</p>` : undefined}`;
}

function brokenCard({ plugin, reason, since, route }: BrokenFacts, now: Date): Html {
  return html`<section class="card">
    <div class="top">
      <h3>${plugin}</h3>
      <span class="tag bad">cannot work</span>
    </div>
    ${route === undefined ? undefined : html`<p class="soft">on route ${route}</p>`}
    <div class="advice bad">
      <strong>Kong has a configuration of this plugin that cannot work.</strong>
      <p>
        Correct it in Kong; the next request brings the new one. Until then all requests are answered with
        500.
        <a href="${GUIDE}#misconfigured-500">More</a>
      </p>
      <p class="said">${reason}</p>
    </div>
    <p class="soft">Since ${ago(since, now)}.</p>
  </section>`;
}

function weight(problem: Problem | undefined): number {
  if (problem === undefined) return 0;
  return problem.mood === 'bad' ? 2 : 1;
}

function configurationCard(configuration: ConfigurationFacts, problem: Problem | undefined, now: Date): Html {
  const { topic, replyTopic, cluster, ready, inFlight, maxInFlight, perSecond, p50Ms, p99Ms } = configuration;
  const tag = !ready ? 'not ready' : problem === undefined ? 'ready' : 'requests fail';
  const isNearLimit = maxInFlight !== undefined && inFlight >= maxInFlight;
  return html`<section class="card">
    <div class="top">
      <h3>
        ${topic} ${replyTopic === undefined ? html`<span class="soft">one-way</span>` : html`→ ${replyTopic}`}
      </h3>
      <span class="tag ${problem?.mood ?? 'good'}">${tag}</span>
    </div>
    <p class="soft">on ${cluster}</p>
    <div class="numbers">
      <div><b>${inFlight}</b><span>in flight${isNearLimit ? ' (limit)' : ''}</span></div>
      <div><b>${rateText(perSecond)}</b><span>a second</span></div>
      <div><b>${durationText(p50Ms)}</b><span>p50</span></div>
      <div><b>${durationText(p99Ms)}</b><span>p99</span></div>
    </div>
    ${problem === undefined ? undefined : advice(problem)} ${lastErrorLine(configuration, now)}
  </section>`;
}

function advice({ mood, advice: known, said }: Problem): Html {
  const link = known && html` <a href="${GUIDE}#${known.section}">More</a>`;
  return html`<div class="advice ${mood}">
    <strong>${known?.what ?? 'Something is wrong that this page does not know.'}</strong>
    <p>${known?.todo ?? 'Look at the log.'}${link}</p>
    <p class="said">${said}</p>
  </div>`;
}

function lastErrorLine(
  { lastError, failed, succeeded, refusedToClient }: ConfigurationFacts,
  now: Date,
): Html {
  const clients =
    refusedToClient > 0 ? html`, ${countText(refusedToClient)} refused as mistakes of clients` : undefined;
  const sums = html`<p class="soft">
    Since the start: ${countText(succeeded)} answered, ${countText(failed)} failed${clients}.
  </p>`;
  return html`${lastError && lastErrorText(lastError, now)}${sums}`;
}

function lastErrorText({ code, at, count }: FailureFacts, now: Date): Html {
  return html`<p class="soft">Last error <code>${code}</code> ${ago(at, now)}, ${timesText(count)}.</p>`;
}

function workerCards({ workers, servedByOneWorker }: PageFacts): Html | undefined {
  if (workers.length === 0) return undefined;
  const together =
    servedByOneWorker.length === 0
      ? undefined
      : html`<p class="soft">
          ${servedByOneWorker.join(', ')}: served by worker 1 alone, as their requests meet in its memory.
        </p>`;
  return html`<h2>Workers</h2>
    <div class="cards">${workers.map(workerCard)}</div>
    ${together}`;
}

function workerCard(worker: WorkerFacts): Html {
  const { number, pid, state, ready, restarts, openEvents, eventLoopLagMs, memoryBytes } = worker;
  const mood = ready ? 'good' : state === 'crash loop' || state === 'stuck' ? 'bad' : 'warn';
  const times =
    restarts === 0 ? undefined : html` <span class="soft">started again ${timesText(restarts)}</span>`;
  return html`<section class="card">
    <div class="top">
      <h3>Worker ${number}</h3>
      <span class="tag ${mood}">${state === 'serving' && !ready ? 'not ready' : state}</span>
    </div>
    <p class="soft">
      ${pid === undefined ? 'no process' : `process ${pid}`}, ${Math.round(memoryBytes / 2 ** 20)} MB,
      ${openEvents} events open, event loop ${eventLoopLagMs} ms late.${times}
    </p>
  </section>`;
}

function clusterCards(clusters: readonly ClusterFacts[]): Html {
  if (clusters.length === 0) return html`<p class="soft">None yet.</p>`;
  return html`<div class="cards">${clusters.slice(0, MOST_CARDS).map(clusterCard)}</div>`;
}

function clusterCard({ name, servers, producer, reader }: ClusterFacts): Html {
  // The producer's list is the whole cluster; the reader knows those it reads from.
  const brokers = producer.brokers.length > 0 ? producer.brokers : reader.brokers;
  return html`<section class="card">
    <div class="top"><h3>${name}</h3></div>
    <p class="soft">${servers.join(', ')}</p>
    ${clientLine('Producer', producer)} ${clientLine('Reader of replies', reader)}
    ${brokers.length > 0 ? html`<div class="brokers">${brokers.slice(0, MOST_BROKERS).map(brokerTag)}</div>` : undefined}
  </section>`;
}

function clientLine(role: string, { state, reason, replaced }: ClientFacts): Html {
  const mood = state === 'up' ? 'good' : state === 'down' ? 'bad' : 'warn';
  const tag =
    state === 'unused'
      ? html`<span class="soft">not used</span>`
      : html`<span class="tag ${mood}">${state}</span>`;
  const times = replaced > 0 ? html` <span class="soft">replaced ${timesText(replaced)}</span>` : undefined;
  return html`<p>${role} ${tag}${times}</p>
    ${reason === undefined ? undefined : html`<p class="soft">${reason}</p>`}`;
}

function brokerTag({ name, state }: { readonly name: string; readonly state: string }): Html {
  const mood = state === 'UP' ? 'good' : state === 'DOWN' ? 'bad' : 'warn';
  return html`<span class="tag ${mood}">${name} ${state.toLowerCase()}</span>`;
}

function eventList(events: readonly EventFacts[], now: Date): Html {
  if (events.length === 0) return html`<p class="soft">Nothing has happened.</p>`;
  return html`<ul class="card events">
    ${events.map(
      ({ at, message, facts }) =>
        html`<li><span class="soft">${ago(at, now)}</span><span>${message}${factsText(facts)}</span></li>`,
    )}
  </ul>`;
}

function factsText(facts: EventFacts['facts']): Html | undefined {
  if (facts.size === 0) return undefined;
  const parts = [...facts].map(([name, value]) => `${name.replaceAll('_', ' ')}: ${value}`);
  return html`<br /><span class="soft">${parts.join(' · ')}</span>`;
}

function footer({ version, pid, uptimeSeconds, memoryBytes, load }: PageFacts, now: Date): Html {
  const refused = [...load.refused].filter(([, count]) => count > 0);
  const refusals = refused.map(([limit, count]) => ` ${count} refused by ${limit.replaceAll('_', ' ')}.`);
  return html`<footer>
    <p>
      Version ${version}, process ${pid}, up ${span(uptimeSeconds)}, ${Math.round(memoryBytes / 2 ** 20)} MB.
      ${load.openEvents} events open, ${bytesText(load.bytesInFlight)} in flight, event loop
      ${load.eventLoopLagMs} ms late.${refusals.join('')}
    </p>
    <p>
      ${now.toISOString().slice(0, 19).replace('T', ' ')} UTC, again every ${REFRESH_SECONDS} s. Rate and
      percentiles are of the last minute. <a href="/status">All facts as JSON</a> ·
      <a href="${GUIDE}">Troubleshooting</a>
    </p>
  </footer>`;
}

function ago(at: string, now: Date): string {
  const seconds = Math.max(Math.round((now.getTime() - Date.parse(at)) / 1000), 0);
  return Number.isNaN(seconds) ? '' : `${span(seconds)} ago`;
}

function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

function durationText(durationMs: number | undefined): string {
  if (durationMs === undefined) return '–';
  if (durationMs >= 1000) return `${Number((durationMs / 1000).toPrecision(2))} s`;
  return `${Number(durationMs.toPrecision(2))} ms`;
}

function bytesText(bytes: number): string {
  return bytes >= 2 ** 20 ? `${Math.round(bytes / 2 ** 20)} MB` : `${Math.round(bytes / 1024)} KB`;
}

function timesText(count: number): string {
  return count === 1 ? 'once' : `${countText(count)} times`;
}

function countText(count: number): string {
  return count.toLocaleString('en');
}

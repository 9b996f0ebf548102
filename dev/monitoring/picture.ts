/** `make picture`: runs the lab for a while and draws what Prometheus has of it, for docs/monitoring.md. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { setLogLevel } from '../../bridge/telemetry/log';
import { repositoryRoot } from '../kafka/paths';
import { startKafka } from '../kafka/server';
import type { Series } from '../prometheus/server';
import { draw, type DrawnPanel, type Line } from './draw';
import { startMonitoringLab, type MonitoringLab } from './lab';
import { filledIn, ROWS, type Panel } from './panels';

const PICTURE = join(repositoryRoot(), 'docs', 'images', 'dashboard.svg');
const RUN_MS = 60_000;
const SPAN = '10s';
/** A day of a small shop in a minute: a wave of requests. */
const MOST_AT_ONCE = 20;
const PAUSE_MS = 100;

async function main(): Promise<void> {
  setLogLevel('error');
  const kafka = await startKafka();
  let lab: MonitoringLab | undefined;
  try {
    lab = await startMonitoringLab(kafka.connection);
    const startSeconds = Date.now() / 1000;
    await wave(lab);
    const endSeconds = Date.now() / 1000;
    const span = { startSeconds: startSeconds + 5, endSeconds, stepSeconds: 1 };
    const { prometheus } = lab;
    const drawnPanel = async (panel: Panel): Promise<DrawnPanel> => {
      const lines: Line[] = [];
      for (const { expression, legend } of panel.queries) {
        const found = await prometheus.queryRange(filledIn(expression, SPAN), span);
        lines.push(...found.map((series) => lineOf(series, legend)));
      }
      return { panel, lines };
    };
    const rows = [];
    for (const { title, panels } of ROWS.filter(({ isCollapsed }) => !isCollapsed)) {
      rows.push({ title, panels: await Promise.all(panels.map(drawnPanel)) });
    }
    await mkdir(dirname(PICTURE), { recursive: true });
    await writeFile(PICTURE, draw(rows));
    process.stdout.write(`wrote ${PICTURE}\n`);
  } finally {
    await lab?.stop();
    await kafka.stop();
  }
}

async function wave({ round }: MonitoringLab): Promise<void> {
  const startedAtMs = performance.now();
  const running = new Set<Promise<unknown>>();
  for (;;) {
    const share = (performance.now() - startedAtMs) / RUN_MS;
    if (share >= 1) break;
    const atOnce = Math.ceil(MOST_AT_ONCE * Math.sin(Math.PI * share));
    while (running.size < atOnce) {
      const one = round().finally(() => running.delete(one));
      running.add(one);
    }
    await delay(PAUSE_MS);
  }
  await Promise.all(running);
}

function lineOf({ metric, values }: Series, legend: string): Line {
  const name = legend.replace(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? '');
  const points = values.map(([time, value]) => [time, Number(value)] as const);
  return { name, points: points.filter(([, value]) => Number.isFinite(value)) };
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

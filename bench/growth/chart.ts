/**
 * A picture of curves as SVG: some panels with one horizontal axis, small enough for a telephone, light or dark as the
 * reader has it.
 */
import type { Curve, Point } from './curve';

export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
}

export interface Panel {
  /** With its unit. */
  readonly label: string;
  readonly of: (point: Point) => number;
}

export interface Chart {
  readonly title: string;
  readonly axis: Axis;
  readonly panels: readonly Panel[];
  readonly curves: readonly Curve[];
}

/** What all questions ask: how many, and what each costs. */
export function costCharts(title: string, axis: Axis, curves: readonly Curve[]): Chart {
  return {
    title,
    axis,
    curves,
    panels: [
      { label: 'requests per second', of: ({ perSecond }) => perSecond },
      { label: 'CPU of the plugin server, µs per request', of: ({ cpuMicros }) => cpuMicros },
    ],
  };
}

const WIDTH = 420;
const LEFT = 52;
const RIGHT = 16;
const TITLE_HEIGHT = 34;
const LEGEND_HEIGHT = 22;
const PANEL_HEIGHT = 140;
const PANEL_HEAD = 24;
const AXIS_HEIGHT = 44;
const PANEL_GAP = 14;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
/** Between two names of points, where both can be read. */
const NAME_WIDTH = 46;
const GRID_LINES = 4;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .tick { font-size: 12px; fill: #59636e }
  .back { fill: #ffffff }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
  .c0 { stroke: #0969da } .f0 { fill: #0969da }
  .c1 { stroke: #bc4c00 } .f1 { fill: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .tick { fill: #9198a1 }
    .back { fill: #0d1117 }
    .grid { stroke: #3d444d }
    .c0 { stroke: #58a6ff } .f0 { fill: #58a6ff }
    .c1 { stroke: #f0883e } .f1 { fill: #f0883e }
  }`;

export function svg(chart: Chart): string {
  const { title, axis, panels, curves } = chart;
  const legendHeight = curves.length > 1 ? LEGEND_HEIGHT : 0;
  const height =
    TITLE_HEIGHT + legendHeight + panels.length * (PANEL_HEAD + PANEL_HEIGHT + PANEL_GAP) + AXIS_HEIGHT;
  const across = acrossOf(chart);
  const parts = panels.map((panel, index) => {
    const top = TITLE_HEIGHT + legendHeight + index * (PANEL_HEAD + PANEL_HEIGHT + PANEL_GAP) + PANEL_HEAD;
    return panelParts(panel, curves, across, top);
  });
  const bottom = height - AXIS_HEIGHT - PANEL_GAP;
  const ticks = namedPoints(curves, across).map(({ x, name }) =>
    text(x, bottom + 18, name, 'tick', 'middle'),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="back" width="${WIDTH}" height="${height}"/>`,
    text(LEFT, 22, title, 'title'),
    ...(curves.length > 1 ? legend(curves) : []),
    ...parts.flat(),
    ...ticks,
    text(LEFT + PLOT_WIDTH / 2, bottom + 38, axis.label, '', 'middle'),
    '</svg>',
    '',
  ].join('\n');
}

function panelParts(
  { label, of }: Panel,
  curves: readonly Curve[],
  across: (x: number) => number,
  top: number,
): string[] {
  const step = niceStep(Math.max(...curves.flatMap(({ points }) => points.map(of))) / GRID_LINES);
  const up = (value: number) => round(top + PANEL_HEIGHT - (value / (step * GRID_LINES)) * PANEL_HEIGHT);
  const grid = Array.from({ length: GRID_LINES + 1 }, (_, index) => {
    const y = up(index * step);
    return (
      `<line class="grid" x1="${LEFT}" y1="${y}" x2="${WIDTH - RIGHT}" y2="${y}"/>` +
      text(LEFT - 6, y + 4, short(index * step), 'tick', 'end')
    );
  });
  const lines = curves.flatMap(({ points }, index) => {
    const places = points.map((point) => ({ x: across(point.x), y: up(of(point)) }));
    return [
      `<polyline class="line c${index}" points="${places.map(({ x, y }) => `${x},${y}`).join(' ')}"/>`,
      ...places.map(({ x, y }) => `<circle class="f${index}" cx="${x}" cy="${y}" r="4"/>`),
    ];
  });
  return [text(LEFT, top - 9, label), ...grid, ...lines];
}

function legend(curves: readonly Curve[]): string[] {
  const width = PLOT_WIDTH / curves.length;
  return curves.flatMap(({ name }, index) => {
    const x = round(LEFT + index * width);
    return [`<circle class="f${index}" cx="${x + 5}" cy="42" r="5"/>`, text(x + 16, 46, name)];
  });
}

/** @returns where a value of the cause lies, in the picture */
function acrossOf({ axis, curves }: Chart): (x: number) => number {
  const values = curves.flatMap(({ points }) => points.map(({ x }) => x));
  const scaled = (x: number) => (axis.scale === 'log' ? Math.log(x) : x);
  const [least, most] = [scaled(Math.min(...values)), scaled(Math.max(...values))];
  // The marks of the first and the last point, and half of their names, are inside.
  const inset = 16;
  return (x) =>
    round(
      LEFT +
        inset +
        ((scaled(x) - least) / Math.max(most - least, Number.MIN_VALUE)) * (PLOT_WIDTH - 2 * inset),
    );
}

/** Of those that are too close to the one before, none; the last one is always there. */
function namedPoints(curves: readonly Curve[], across: (x: number) => number): { x: number; name: string }[] {
  const all = curves
    .flatMap(({ points }) => points.map(({ x, name }) => ({ x: across(x), name })))
    .sort((a, b) => a.x - b.x);
  const last = all.at(-1);
  const named: { x: number; name: string }[] = [];
  for (const point of all) {
    const free = point.x - (named.at(-1)?.x ?? -Infinity) >= NAME_WIDTH;
    if (point === last || (free && (last?.x ?? 0) - point.x >= NAME_WIDTH)) named.push(point);
  }
  return named;
}

/** 1, 2, 2.5 or 5 times a power of ten, and not below the value. */
export function niceStep(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 2.5, 5, 10].find((nice) => nice * power >= value * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** 12500 as 12.5k */
function short(value: number): string {
  return value >= 1000 ? `${Number((value / 1000).toPrecision(4))}k` : String(Number(value.toPrecision(4)));
}

function text(x: number, y: number, content: string, kind = '', anchor = 'start'): string {
  const attributes = `${kind === '' ? '' : ` class="${kind}"`}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}`;
  return `<text x="${round(x)}" y="${round(y)}"${attributes}>${escaped(content)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** The panels' data as one SVG: what the dashboard shows, where there is no Grafana. */
import type { Panel, Unit } from './panels';

export interface Line {
  readonly name: string;
  /** Seconds since 1970, and the value. */
  readonly points: readonly (readonly [number, number])[];
}

export interface DrawnPanel {
  readonly panel: Panel;
  readonly lines: readonly Line[];
}

export interface DrawnRow {
  readonly title: string;
  readonly panels: readonly DrawnPanel[];
}

const COLUMNS = 3;
const WIDTH = 400;
const HEIGHT = 220;
const GAP = 12;
const ROW_TITLE = 32;
const PLOT = { left: 58, right: 12, top: 32, height: 110 };
const LEGEND_LINE = 14;
const MOST_IN_LEGEND = 4;
const COLOURS = ['#1f77b4', '#d62728', '#2ca02c', '#ff7f0e', '#9467bd', '#17becf', '#8c564b', '#7f7f7f'];

export function draw(rows: readonly DrawnRow[]): string {
  const parts: string[] = [];
  let y = GAP;
  for (const { title, panels } of rows) {
    parts.push(text(GAP, y + ROW_TITLE / 2 + 4, title, 'row'));
    y += ROW_TITLE;
    panels.forEach((drawn, index) => {
      const x = GAP + (index % COLUMNS) * (WIDTH + GAP);
      const top = y + Math.floor(index / COLUMNS) * (HEIGHT + GAP);
      parts.push(`<g transform="translate(${x} ${top})">${card(drawn)}</g>`);
    });
    y += Math.ceil(panels.length / COLUMNS) * (HEIGHT + GAP);
  }
  const width = COLUMNS * (WIDTH + GAP) + GAP;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}">
<style>
text { font: 11px sans-serif; fill: #555 }
.row { font-size: 16px; font-weight: bold; fill: #222 }
.title { font-size: 13px; font-weight: bold; fill: #222 }
.card { fill: #fff; stroke: #ddd }
.grid { stroke: #e8e8e8 }
path { fill: none; stroke-width: 1.5 }
</style>
<rect width="100%" height="100%" fill="#f4f5f5"/>
${parts.join('\n')}
</svg>
`;
}

function card({ panel, lines }: DrawnPanel): string {
  const points = lines.flatMap((line) => line.points);
  const times = points.map(([time]) => time);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const top = niceTop(Math.max(...points.map(([, value]) => value), 0));
  const width = WIDTH - PLOT.left - PLOT.right;
  const xOf = (time: number): number => PLOT.left + (width * (time - first)) / Math.max(last - first, 1);
  const yOf = (value: number): number => PLOT.top + PLOT.height * (1 - value / top);
  const grid = [0, 0.5, 1].map((share) => {
    const y = yOf(top * share);
    const label = shown(top * share, panel.unit);
    return `<line class="grid" x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${y}" y2="${y}"/>${text(PLOT.left - 6, y + 4, label, '', 'end')}`;
  });
  const paths = lines.map(({ points: ofLine }, index) => {
    const steps = ofLine.map(
      ([time, value], at) => `${at === 0 ? 'M' : 'L'}${round(xOf(time))} ${round(yOf(value))}`,
    );
    return `<path stroke="${colour(index)}" d="${steps.join('')}"/>`;
  });
  return [
    `<rect class="card" width="${WIDTH}" height="${HEIGHT}" rx="4"/>`,
    text(GAP, 20, panel.title, 'title'),
    ...grid,
    ...paths,
    ...legend(lines),
  ].join('');
}

function legend(lines: readonly Line[]): string[] {
  const shownLines = lines.slice(0, lines.length > MOST_IN_LEGEND ? MOST_IN_LEGEND - 1 : MOST_IN_LEGEND);
  const top = PLOT.top + PLOT.height + 20;
  const entries = shownLines.map(({ name }, index) => {
    const y = top + index * LEGEND_LINE;
    return `<rect x="${GAP}" y="${y - 7}" width="10" height="3" fill="${colour(index)}"/>${text(GAP + 16, y, name)}`;
  });
  const left = lines.length - shownLines.length;
  if (left > 0) entries.push(text(GAP + 16, top + shownLines.length * LEGEND_LINE, `and ${left} more`));
  return entries;
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] as string;
}

/** The next of 1, 2 and 5, so that the scale can be read. */
function niceTop(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

function shown(value: number, unit: Unit): string {
  switch (unit) {
    case 'percentunit':
      return `${round(value * 100)} %`;
    case 's':
      return value !== 0 && value < 1 ? `${round(value * 1000)} ms` : `${round(value)} s`;
    case 'bytes':
    case 'Bps':
      return `${binary(value)}${unit === 'Bps' ? '/s' : ''}`;
    case 'reqps':
    case 'rps':
      return `${round(value)}/s`;
    case 'short':
      return String(round(value));
  }
}

function binary(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let value = bytes;
  let index = 0;
  while (value >= 1024 && index < units.length - 1) {
    value /= 1024;
    index++;
  }
  return `${round(value)} ${units[index] ?? ''}`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function text(x: number, y: number, content: string, className = '', anchor = 'start'): string {
  const escaped = content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
  const named = className === '' ? '' : ` class="${className}"`;
  const anchored = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  return `<text x="${x}" y="${y}"${named}${anchored}>${escaped}</text>`;
}

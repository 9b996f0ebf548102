/** The panels' data as one SVG: what the dashboard shows, where there is no Grafana. */
import { columnsFor, type Panel, type Unit } from './panels';

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

const TOTAL_WIDTH = 1248;
const HEIGHT = 220;
const GAP = 12;
const ROW_TITLE = 32;
const PLOT = { left: 58, right: 12, top: 32, height: 110 };
const LEGEND_LINE = 14;
const LEGEND_LINES = 4;
const CHARACTER_WIDTH = 6;
const COLOURS = ['#1f77b4', '#d62728', '#2ca02c', '#ff7f0e', '#9467bd', '#17becf', '#8c564b', '#7f7f7f'];

export function draw(rows: readonly DrawnRow[]): string {
  const parts: string[] = [];
  let y = GAP;
  for (const { title, panels } of rows) {
    parts.push(text(GAP, y + ROW_TITLE / 2 + 4, title, 'row'));
    y += ROW_TITLE;
    const columns = columnsFor(panels.length);
    const width = (TOTAL_WIDTH - GAP) / columns - GAP;
    panels.forEach((drawn, index) => {
      const x = GAP + (index % columns) * (width + GAP);
      const top = y + Math.floor(index / columns) * (HEIGHT + GAP);
      parts.push(`<g transform="translate(${x} ${top})">${card(drawn, width)}</g>`);
    });
    y += Math.ceil(panels.length / columns) * (HEIGHT + GAP);
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${TOTAL_WIDTH}" height="${y}" viewBox="0 0 ${TOTAL_WIDTH} ${y}">
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

function card({ panel, lines }: DrawnPanel, cardWidth: number): string {
  const points = lines.flatMap((line) => line.points);
  const times = points.map(([time]) => time);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const top = niceTop(Math.max(...points.map(([, value]) => value), 0), panel.unit);
  const width = cardWidth - PLOT.left - PLOT.right;
  const xOf = (time: number): number => PLOT.left + (width * (time - first)) / Math.max(last - first, 1);
  const yOf = (value: number): number => PLOT.top + PLOT.height * (1 - value / top);
  const grid = [0, 0.5, 1].map((share) => {
    const y = yOf(top * share);
    const label = shown(top * share, panel.unit);
    return `<line class="grid" x1="${PLOT.left}" x2="${cardWidth - PLOT.right}" y1="${y}" y2="${y}"/>${text(PLOT.left - 6, y + 4, label, '', 'end')}`;
  });
  const paths = lines.map(({ points: ofLine }, index) => {
    const steps = ofLine.map(
      ([time, value], at) => `${at === 0 ? 'M' : 'L'}${round(xOf(time))} ${round(yOf(value))}`,
    );
    return `<path stroke="${colour(index)}" d="${steps.join('')}"/>`;
  });
  return [
    `<rect class="card" width="${cardWidth}" height="${HEIGHT}" rx="4"/>`,
    text(GAP, 20, panel.title, 'title'),
    ...grid,
    ...paths,
    ...legend(lines, cardWidth),
  ].join('');
}

function legend(lines: readonly Line[], cardWidth: number): string[] {
  const longest = Math.max(...lines.map(({ name }) => name.length), 0);
  const columns = longest * CHARACTER_WIDTH < cardWidth / 2 - 3 * GAP ? 2 : 1;
  const most = LEGEND_LINES * columns;
  const shownLines = lines.slice(0, lines.length > most ? most - 1 : most);
  const top = PLOT.top + PLOT.height + 20;
  const at = (index: number): { x: number; y: number } => ({
    x: GAP + ((index % columns) * (cardWidth - GAP)) / columns,
    y: top + Math.floor(index / columns) * LEGEND_LINE,
  });
  const entries = shownLines.map(({ name }, index) => {
    const { x, y } = at(index);
    return `<rect x="${x}" y="${y - 7}" width="10" height="3" fill="${colour(index)}"/>${text(x + 16, y, name)}`;
  });
  const left = lines.length - shownLines.length;
  const { x, y } = at(shownLines.length);
  if (left > 0) entries.push(text(x + 16, y, `and ${left} more`));
  return entries;
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] as string;
}

/** The next of 1, 2 and 5, so that the scale can be read. */
function niceTop(value: number, unit: Unit): number {
  if (value <= 0) return 1;
  if (unit === 'bytes' || unit === 'Bps') {
    const prefix = 1024 ** Math.floor(Math.log(value) / Math.log(1024));
    return niceTop(value / prefix, 'short') * prefix;
  }
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
    case 'cps':
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

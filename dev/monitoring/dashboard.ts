/** The dashboard as Grafana imports it. */
import { columnsFor, ROWS, VARIABLES, type Panel } from './panels';

const COLUMNS = 24;
const HEIGHT = 8;

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };

export function dashboard(): object {
  return {
    title: 'Kong Kafka request-reply',
    uid: 'kong-kafka-request-reply',
    tags: ['kong', 'kafka'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
        ...VARIABLES.map(variable),
      ],
    },
    panels: placed(),
  };
}

function variable(name: string): object {
  return {
    name,
    type: 'query',
    datasource: DATASOURCE,
    query: { query: `label_values(kong_kafka_requests_total, ${name})`, refId: name },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  };
}

function placed(): object[] {
  const panels: object[] = [];
  let y = 0;
  let id = 0;
  for (const { title, isCollapsed = false, panels: ofRow } of ROWS) {
    // Grafana has the panels of a closed row inside of it, those of an open one behind it.
    const inside: object[] = [];
    panels.push({
      id: ++id,
      type: 'row',
      title,
      collapsed: isCollapsed,
      gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 },
      panels: inside,
    });
    const perLine = columnsFor(ofRow.length);
    ofRow.forEach((panel, index) => {
      const width = COLUMNS / perLine;
      const gridPos = {
        x: (index % perLine) * width,
        y: y + Math.floor(index / perLine) * HEIGHT,
        w: width,
        h: HEIGHT,
      };
      (isCollapsed ? inside : panels).push(timeSeries(panel, ++id, gridPos));
    });
    if (!isCollapsed) y += Math.ceil(ofRow.length / perLine) * HEIGHT;
  }
  return panels;
}

function timeSeries({ title, about, unit, queries }: Panel, id: number, gridPos: object): object {
  return {
    id,
    type: 'timeseries',
    title,
    description: about,
    datasource: DATASOURCE,
    gridPos,
    fieldConfig: { defaults: { unit, min: 0, custom: { fillOpacity: 10 } }, overrides: [] },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    targets: queries.map(({ expression, legend }, index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: DATASOURCE,
      expr: expression,
      legendFormat: legend,
      range: true,
      // Exemplars lead from a slow bucket to Kong's id of a request that fell into it.
      exemplar: expression.includes('kong_kafka_request_duration_seconds'),
    })),
  };
}

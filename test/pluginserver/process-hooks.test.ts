import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MetricGroup } from '../../bridge/telemetry/metrics';
import { toPlugin } from '../../pluginserver/plugin-loader';
import { PluginProcesses } from '../../pluginserver/process-hooks';

const group = (): MetricGroup => ({ families: [], collect: () => undefined });

/** Every request was counted twice: a plugin had hooks of its own around those that it shares. */
test('a group of metrics that plugins share is collected once, whatever their hooks are', () => {
  const [shared, own] = [group(), group()];
  const hooks = { metrics: () => [shared] };
  const plugins = [hooks, hooks, { ...hooks, metrics: () => [...hooks.metrics(), own] }].map(
    (Process, index) => toPlugin({ Plugin: class {}, Name: `plugin-${index}`, Process }, '/'),
  );
  assert.deepEqual(new PluginProcesses(plugins).metrics(), [shared, own]);
});

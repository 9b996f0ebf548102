/**
 * No event that has begun in a worker is begun again in another.
 *
 * When a worker is killed, the connections of its requests end, and Kong runs an event again whose connection has ended.
 * With one process there is nobody to run it; here another worker would send the record a second time. What the first
 * attempt was is in the memory that is gone, so it leaves a mark in Kong's: asked for and set in the same write as all else
 * that a phase asks, and before anything is sent.
 */
import { GatewayError } from '../../bridge/errors';
import type { LoadedPlugin } from '../plugin-loader';
import type { PlannedPhase, PluginInstance } from '../plugin-module';

const MARK = 'kong_kafka_begun_';

/** Phases without a plan, which only plugins from elsewhere have, are as they were. */
export function withoutReruns(plugin: LoadedPlugin): LoadedPlugin {
  return { ...plugin, create: (config) => guarded(plugin, plugin.create(config)) };
}

function guarded({ name, phases }: LoadedPlugin, instance: PluginInstance): PluginInstance {
  const access = instance.planned?.access;
  // A phase that asks nothing has nothing to send.
  if (access === undefined || access.reads.length === 0) return instance;
  const methods = phases.map((phase) => [
    phase,
    (kong: unknown) => (instance as Record<string, (kong: unknown) => unknown>)[phase]?.(kong),
  ]);
  return {
    ...(Object.fromEntries(methods) as PluginInstance),
    planned: { ...instance.planned, access: guardedPhase(access, MARK + name) },
    close: () => instance.close?.(),
  };
}

function guardedPhase(phase: PlannedPhase, mark: string): PlannedPhase {
  const markAt = phase.reads.length;
  return {
    reads: [...phase.reads, ['kong.ctx.shared.get', mark], ['kong.ctx.shared.set', mark, '1']],
    run: (event, answers) => {
      if (answers[markAt] === '1')
        throw new GatewayError(
          'internal',
          'the worker that had this request has ended; whether its record was sent is not known',
        );
      phase.run(event, answers.slice(0, markAt));
    },
  };
}

/** Loads a plugin folder: ours, or any plugin written for npm `kong-pdk`. */

import { createRequire } from 'node:module';
import { basename, resolve } from 'node:path';
import { GatewayError } from '../bridge/errors';
import type { PluginInstance, ProcessHooks } from './plugin-module';

export interface LoadedPlugin {
  readonly name: string;
  readonly version: string;
  readonly priority: number;
  readonly phases: readonly string[];
  /** See PluginModule.Continues. */
  readonly continues: string | undefined;
  /** See PluginModule. */
  readonly oneProcess?: boolean;
  readonly hooks: ProcessHooks | undefined;
  /** Why it cannot be served, in one sentence: its events are answered with 500 `misconfigured`. */
  readonly failure?: string;
  /** Throws what the plugin's constructor throws. */
  create(config: unknown): PluginInstance;
}

const PHASES = ['certificate', 'rewrite', 'access', 'response', 'preread', 'log'] as const;
const requireFrom = createRequire(__filename);

export function isPhase(name: string): boolean {
  return PHASES.some((phase) => phase === name);
}

/** @throws Error with one sentence for the operator */
export function loadPlugin(folder: string): LoadedPlugin {
  const path = resolve(folder);
  let loaded: unknown;
  try {
    loaded = requireFrom(path);
  } catch (cause) {
    throw new Error(`The plugin folder ${path} does not load: ${firstLine(cause)}.`, { cause });
  }
  return toPlugin(loaded, path);
}

/** One that does not load stands in for itself: its requests are told why, those of other plugins go on. */
export function loadOrExplain(folder: string): LoadedPlugin {
  try {
    return loadPlugin(folder);
  } catch (error) {
    const failure = (error as Error).message;
    return {
      name: basename(resolve(folder)),
      version: '0.0.0',
      priority: 0,
      phases: [],
      continues: undefined,
      hooks: undefined,
      failure,
      create: () => {
        throw new GatewayError('misconfigured', failure, { cause: error });
      },
    };
  }
}

/** @param module what the folder exports: at least `Plugin`, a class with a method for each of its phases */
export function toPlugin(module: unknown, path: string): LoadedPlugin {
  const exported = (module ?? {}) as Record<string, unknown>;
  const { Plugin, Name, Version, Priority, Continues, OneProcess, Process } = exported;
  if (typeof Plugin !== 'function')
    throw new Error(`The plugin folder ${path} exports no class called Plugin.`);
  const constructor = Plugin as new (config: unknown) => PluginInstance;
  const prototype = constructor.prototype as object;
  return {
    name: typeof Name === 'string' && Name !== '' ? Name : basename(path),
    version: typeof Version === 'string' ? Version : '0.0.0',
    priority: typeof Priority === 'number' ? Priority : 0,
    phases: PHASES.filter((phase) => phase in prototype),
    continues: typeof Continues === 'string' ? Continues : undefined,
    ...(OneProcess === true && { oneProcess: true }),
    hooks: typeof Process === 'object' && Process !== null ? Process : undefined,
    create: (config) => new constructor(config),
  };
}

/** @throws Error with one sentence for the operator */
export function refuseSameName(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`The plugin ${twice} is named twice.`);
}

/** Node's "Cannot find module" goes on with a list of files that helps nobody. */
function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] as string).replace(/\.$/, '');
}

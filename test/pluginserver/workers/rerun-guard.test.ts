import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../../../bridge/errors';
import { toPlugin } from '../../../pluginserver/plugin-loader';
import type { PlannedEvent, PluginInstance } from '../../../pluginserver/plugin-module';
import { withoutReruns } from '../../../pluginserver/workers/rerun-guard';

const READS = [['kong.request.get_method']] as const;
const EVENT = {} as PlannedEvent;

function guarded(reads: readonly (readonly [string])[] = READS) {
  const ran: (readonly unknown[])[] = [];
  const plugin = toPlugin(
    {
      Name: 'demo',
      Plugin: class {
        #closed = 0;
        readonly planned = {
          access: { reads, run: (_event: unknown, answers: readonly unknown[]) => void ran.push(answers) },
        };
        access(): string {
          return `closed ${this.#closed} times`;
        }
        close(): void {
          this.#closed++;
        }
      },
    },
    '/demo',
  );
  return { instance: withoutReruns(plugin).create({}), ran };
}

describe('an event that Kong runs again in another worker', () => {
  it('leaves a mark with its questions', () => {
    const { instance } = guarded();
    assert.deepEqual(instance.planned?.access?.reads, [
      ['kong.request.get_method'],
      ['kong.ctx.shared.get', 'kong_kafka_begun_demo'],
      ['kong.ctx.shared.set', 'kong_kafka_begun_demo', '1'],
    ]);
  });

  /** With `capture: log` records of custom_kafka_failover had neither service nor address: it counts from the end. */
  it('runs the first time, with its own answers, whatever Kong says of a mark that is not there', () => {
    for (const none of [null, undefined, '', new GatewayError('internal', 'failed')]) {
      const { instance, ran } = guarded();
      instance.planned?.access?.run(EVENT, ['POST', none, undefined]);
      assert.deepEqual(ran, [['POST']]);
    }
  });

  it('is an error the second time, and nothing is done', () => {
    const { instance, ran } = guarded();
    assert.throws(
      () => instance.planned?.access?.run(EVENT, ['POST', '1', undefined]),
      (error) => error instanceof GatewayError && error.status === 500,
    );
    assert.deepEqual(ran, []);
  });

  it('is left alone where the phase asks nothing, and so has nothing to send', () => {
    assert.deepEqual(guarded([]).instance.planned?.access?.reads, []);
  });

  it('is of an instance that is otherwise as it was', () => {
    const instance = guarded().instance as PluginInstance & { access: (kong: unknown) => unknown };
    instance.close?.();
    assert.equal(instance.access({}), 'closed 1 times');
  });
});

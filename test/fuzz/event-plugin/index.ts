/** What the events of the fuzzer are for. */
import assert from 'node:assert/strict';
import type { PlannedPhase } from '../../../pluginserver/plugin-module';
import type { Kong } from '../../pluginserver/support/serving';

/** Reads what records are made of, then exits, in the phases of a request; once as a handler, once laid beforehand. */
export class Plugin {
  readonly planned: { readonly rewrite: PlannedPhase } = {
    rewrite: {
      reads: [
        ['kong.request.get_method'],
        ['kong.request.get_headers', 1000],
        ['kong.request.get_raw_body', 10],
      ],
      run: (event, answers) => {
        assert.equal(answers.length, 3);
        event.tell('kong.ctx.shared.set', 'key', event.requestId ?? '');
        if (Buffer.isBuffer(answers[2])) event.exit(200, answers[2], {});
        else event.pass();
      },
    },
  };
  rewrite(): void {}
  async access(kong: Kong): Promise<void> {
    const [method, headers, body] = await Promise.all([
      kong.request.getMethod(),
      kong.request.getHeaders(1000),
      kong.request.getHeader('x-a'),
    ]);
    await kong.ctx.shared.set('key', method);
    void kong.response.exit(200, body ?? '', { 'x-count': Object.keys(headers).length });
  }
  async log(kong: Kong): Promise<void> {
    await kong.log.notice('seen');
  }
}

export const Name = 'demo';
export const Version = '1.0.0';
export const Priority = 1;

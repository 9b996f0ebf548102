/** Failed requests: what nginx says of them to the listener, and what is read from their topic by the replay. */
import assert from 'node:assert/strict';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { FACTS_HEADER, readFailureFacts } from '../../../bridge/failover/nginx-facts';
import { readVerdict } from '../../../bridge/failover/log-verdict';
import { placesOf } from '../../../bridge/failover/probe';
import { readKeptRequest } from '../../../replay/kept-request';
import { receivedRecord } from '../../support/records';
import type { FuzzTarget } from '../target';

const asHeader = (text: string) => Buffer.from(text).toString('latin1');

export const KEPT_REQUEST: FuzzTarget = {
  name: 'kept-request',
  samples: [
    Buffer.from(
      '{"id":"r1","timestamp":1700000000.5,"method":"POST","uri":"/a?b=c","headers":{"x-a":"b","x-b":["c","d"]},"body":"x","service":"orders","status":502,"delivered":"no"}',
    ),
    Buffer.from('{"id":"r2","method":"PUT","uri":"/ü","headers":{},"body_base64":"/wA=","delivered":"maybe"}'),
    Buffer.from('{"status":504,"uri":"/x","service":"s","connect_time":"-, 0.001","bytes_sent":"0, 12","upstream_addr":"10.0.0.1:80, [::1]:81","backend_url":"http://o:80/x"}'),
    Buffer.from('{"kafka_failover":{"id":"r1"},"response":{"status":502},"source":"kong","tries":[{"ip":"10.0.0.1","port":80}]}'),
  ],
  tokens: ['\\r\\n', '\\u0000', '"__proto__":', '"uri":', '"http://', '//', '@', '#', 'CONNECT', '"-"', '"0"', '[', '{', '"tries":', '"kafka_failover":', ':80', ', '],
  run: (input) => {
    const request = readKeptRequest(receivedRecord({ value: input }));
    if (typeof request !== 'string') {
      validateHeaderValue('idempotency-key', request.id);
      for (const [name, value] of request.headers) {
        validateHeaderName(name);
        validateHeaderValue(name, asHeader(value));
      }
      assert.match(request.uri, /^\//);
      assert.doesNotMatch(asHeader(request.uri), /[^\x21-\xff]/);
      assert.match(request.method, /^[A-Z]+$/);
      assert.notEqual(request.method, 'CONNECT');
    }
    const facts = readFailureFacts({ [FACTS_HEADER]: input.toString('base64') });
    if (facts) assert.deepEqual([typeof facts.uri, typeof facts.status], ['string', 'number']);
    const verdict = readVerdict(input);
    if (verdict) assert.deepEqual([typeof verdict.id, typeof verdict.status], ['string', 'number']);
    const backendUrl = facts?.backendUrl;
    for (const upstreamAddresses of [facts?.upstreamAddresses, verdict?.upstreamAddresses]) {
      const places = placesOf({ backendUrl, upstreamAddresses });
      assert.ok(places.length <= 8 && places.every(({ port }) => port > 0 && port < 65_536));
    }
  },
}; // prettier-ignore

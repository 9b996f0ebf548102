/**
 * Nothing is undocumented, and nothing is documented and gone. Options, flags, metrics and examples have generated pages
 * (test/bridge/config/options.test.ts), log events a test of their own; here are error codes, variables, and every name that
 * is mentioned anywhere.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ERROR_CODES, GatewayError, type ErrorCode } from '../../bridge/errors';
import { allPages, filesBelow, ROOT, SHIPPED_ROOMS } from './support/pages';

const pages = allPages().filter(({ path }) => path !== 'CHANGELOG.md');
const page = (path: string) => pages.find((one) => one.path === path) ?? assert.fail(path);
const statusOf = (code: ErrorCode): number => new GatewayError(code, '').status;

function textOf(rooms: readonly string[]): string {
  return filesBelow(rooms)
    .map((path) => readFileSync(join(ROOT, path), 'utf8'))
    .join('\n');
}

test('docs/errors.md has every error code with its status, and no other', () => {
  const rows = [
    ...page('docs/errors.md').text.matchAll(/^\| \[`(\w+)`\]\(troubleshooting\.md#\1-\S+\) \| (\d+)/gm),
  ];
  assert.deepEqual(
    rows.map(([, code, status]) => [code, Number(status)]).sort(),
    ERROR_CODES.map((code) => [code, statusOf(code)]).sort(),
  );
});

test('docs/troubleshooting.md has a heading for every error code with its status, and for no other', () => {
  const headings = [...page('docs/troubleshooting.md').text.matchAll(/^## (\w+) \((\d+)/gm)];
  assert.deepEqual(
    headings.map(([, code, status]) => [code, Number(status)]).sort(),
    ERROR_CODES.map((code) => [code, statusOf(code)]).sort(),
  );
});

test('every variable of the environment is documented, and no other is spoken of', () => {
  const variables = (text: string) => new Set(text.match(/\bKONG_KAFKA_[A-Z_]+[A-Z]\b/g));
  const read = variables(textOf(SHIPPED_ROOMS));
  const documented = variables(pages.map(({ text }) => text).join('\n'));
  assert.deepEqual(
    [...read].filter((name) => !documented.has(name)),
    [],
  );
  // Start scripts and units have some of their own, which they hand on.
  const known = variables(textOf([...SHIPPED_ROOMS, 'kong', 'examples']));
  assert.deepEqual(
    [...documented].filter((name) => !known.has(name)),
    [],
  );
});

/** Of Kong, Kafka, nginx, frameworks and other plugins, which nothing here has to say. */
const FOREIGN = new Set([
  ...['query_cmd', 'max_retry_time', 'kong_http_requests_total'], // Kong
  ...['new_kafka_async_producer', 'keep_alive', 'http_version'], // Kafka Upstream and Kafka Log
  ...['ask_id', 'app_name', 'log_to_file'], // kong-kafka-log
  ...['read_uncommitted', 'spring_json_header_types'], // Kafka, Spring
  ...['credentials_file', 'stop_grace_period'], // Prometheus, Compose
]);

test('every name in code is one that there is', () => {
  const words = new Set(textOf([...SHIPPED_ROOMS, 'kong', 'examples', 'dev', 'bench']).match(/\w+/g));
  const gone: string[] = [];
  for (const { path, prose } of pages) {
    for (const [, code = ''] of prose.matchAll(/`([^`\n]+)`/g)) {
      for (const [name] of code.matchAll(/\b[a-z]+(?:_[a-z0-9]+)+\b/g))
        if (!words.has(name) && !FOREIGN.has(name)) gone.push(`${path}: ${name}`);
    }
  }
  assert.deepEqual(gone, []);
});

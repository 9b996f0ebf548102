/** The page about Kong Manager names fields as its form does, and shows configurations that are complete. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { firstSentence, formOf, labelOf } from '../../../dev/kong-manager/form';
import { ADVANCED_FIELDS_THAT_MATTER, kongManagerPicture } from '../../../dev/kong-manager/picture';
import { DEFINITIONS } from '../../../dev/plugin-definitions';
import { PARSERS } from '../../support/plugin-parsers';

const ROOT = join(__dirname, '..', '..', '..', '..');
const PAGE = readFileSync(join(ROOT, 'docs', 'kong-manager.md'), 'utf8');

const forms = new Map(DEFINITIONS.map(({ identity, options }) => [identity.name, formOf(options)]));
const requestReply = forms.get('custom_kafka_request_reply')!;

describe('the form of Kong Manager', () => {
  it('has labels of names', () => {
    assert.equal(labelOf('reply_topic'), 'Reply Topic');
    assert.equal(labelOf('authentication.oauthbearer.client_id'), 'Authentication.Oauthbearer.Client Id');
  });

  it('has every option once, but for records', () => {
    const names = [...requestReply.first, ...requestReply.advanced].map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    assert.ok(names.includes('reply.timeout') && !names.includes('reply'));
  });

  it('puts the required ones first and sorts the others', () => {
    assert.deepEqual(
      requestReply.first.map(({ label }) => label),
      ['Bootstrap Servers', 'Topic', 'Reply Topic'],
    );
    const names = requestReply.advanced.map(({ name }) => name);
    assert.deepEqual(names, [...names].sort());
  });

  it('shows of a help text the first sentence', () => {
    assert.equal(firstSentence('Takes `linger.ms` too. Default 5.'), 'Takes `linger.ms` too.');
  });
});

describe('the page about it', () => {
  it('has ten fields in its picture, each in its place', () => {
    const labels = [...kongManagerPicture().matchAll(/class="label"[^>]*>([^<]*)</g)].map(
      ([, label]) => label,
    );
    assert.equal(labels.length, 10);
    for (const name of ADVANCED_FIELDS_THAT_MATTER) {
      const place = requestReply.advanced.findIndex((field) => field.name === name) + 1;
      assert.ok(place > 0 && labels.includes(labelOf(name)), name);
      assert.ok(kongManagerPicture().includes(`>${place} of ${requestReply.advanced.length}<`), name);
      assert.ok(PAGE.includes(`*${labelOf(name)}*`), name);
    }
  });

  it('names for each plugin what is required', () => {
    for (const [name, { first }] of forms) {
      const [, required = ''] = new RegExp(`^\\| ${name} \\| ([^|]*) \\|`, 'm').exec(PAGE) ?? [];
      assert.equal(required, first.map(({ label }) => `*${label}*`).join(', ') || 'nothing', name);
    }
  });

  it('names no field that is not there', () => {
    const known = new Set(
      [...forms.values()].flatMap(({ first, advanced }) => [...first, ...advanced]).map(({ label }) => label),
    );
    const named = [...PAGE.matchAll(/\*([A-Z][A-Za-z]*(?:[. ][A-Z][a-z]+)+)\*/g)].map(
      ([, label = '']) => label,
    );
    assert.ok(named.length > 10);
    for (const label of named.filter((label) => !['New Item', 'View Advanced Parameters'].includes(label)))
      assert.ok(known.has(label), label);
  });

  it('shows configurations that each plugin takes', () => {
    const shown = [...PAGE.matchAll(/^```json\n([^]*?)^```/gm)].map(
      ([, text = '']) => JSON.parse(text) as { name: string; config: object },
    );
    assert.deepEqual([...new Set(shown.map(({ name }) => name))].sort(), [...forms.keys()].sort());
    for (const { name, config } of shown) PARSERS[name as keyof typeof PARSERS](config);
  });
});

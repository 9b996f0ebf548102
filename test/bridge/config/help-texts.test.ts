/**
 * What an admin reads behind the (i) of a field in Kong Manager: the description of an option, alone, without the page
 * around it that the reference has.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Field, OptionTable } from '../../../bridge/config/fields';
import { DEFINITIONS } from '../../../dev/plugin-definitions';

interface Option {
  readonly name: string;
  readonly field: Field;
}

function optionsOf(table: OptionTable, prefix = ''): Option[] {
  return table.flatMap((field) => {
    const own = { name: prefix + field.name, field };
    const inner = field.type === 'record' ? field.fields : elementsOf(field);
    return [own, ...optionsOf(inner, `${own.name}.`)];
  });
}

const elementsOf = (field: Field): OptionTable =>
  field.type === 'array' && field.elements.type === 'record' ? field.elements.fields : [];

/** The words that a value may be, where there is a closed set of them. */
function wordsOf(field: Field): readonly (string | number)[] {
  if (field.type === 'array') return 'oneOf' in field.elements ? (field.elements.oneOf ?? []) : [];
  return 'oneOf' in field ? (field.oneOf ?? []) : [];
}

/** As wide as the form shows it in two lines. */
const LONGEST_FIRST_SENTENCE = 150;

for (const { identity, options } of DEFINITIONS) {
  describe(`the help of ${identity.name}`, () => {
    const all = optionsOf(options);

    it('begins with a sentence that says enough by itself', () => {
      for (const { name, field } of all) {
        const [, sentence = ''] = /^(.*?[.!?])(?=\s|$)/.exec(field.description) ?? [];
        assert.ok(sentence.length >= 15, `${name}: ${field.description}`);
        assert.ok(sentence.length <= LONGEST_FIRST_SENTENCE, `${name}: ${sentence.length}: ${sentence}`);
        assert.match(sentence, /^[`A-Z]/, name);
      }
    });

    it('ends with a period', () => {
      for (const { name, field } of all) assert.ok(field.description.endsWith('.'), name);
    });

    // A list of fixed words is one line of text in the form, with the words nowhere on the screen.
    it('names every word that is allowed', () => {
      for (const { name, field } of all)
        for (const word of wordsOf(field))
          assert.ok(field.description.includes(String(word)), `${name}: ${word}`);
    });

    // In the form a map is a row of two empty inputs.
    it('has an example of what belongs into a map', () => {
      for (const { name, field } of all) {
        if (field.type !== 'map' || field.description.startsWith('Cannot be used')) continue;
        assert.match(field.description, /`[^`]+`/, name);
      }
    });

    // There is no button for it in the open-source form, and PEM text loses its line breaks there.
    it('has an example of a vault reference where one may stand', () => {
      for (const { name, field } of all) {
        const mayBe = field.type === 'string' && (field.referenceable === true || field.secret === true);
        if (mayBe) assert.match(field.description, /`\{vault:\/\/env\/[a-z-]+\}`/, name);
      }
    });
  });
}

describe('the first screen of the form', () => {
  const help = (plugin: string, option: string): string =>
    optionsOf(DEFINITIONS.find(({ identity }) => identity.name === plugin)!.options).find(
      ({ name }) => name === option,
    )!.field.description;
  /** Kong Manager shows these, and puts all others, by name, below the advanced parameters. */
  const first = (plugin: string): string[] =>
    DEFINITIONS.find(({ identity }) => identity.name === plugin)!
      .options.filter((field) => 'required' in field && field.required === true)
      .map(({ name }) => name);

  it('has what each plugin cannot do without', () => {
    assert.deepEqual(first('custom_kafka_producer'), ['bootstrap_servers', 'topic']);
    assert.deepEqual(first('custom_kafka_consumer'), []);
    assert.deepEqual(first('custom_kafka_request_reply'), ['bootstrap_servers', 'topic', 'reply_topic']);
    assert.deepEqual(first('custom_kafka_log'), ['bootstrap_servers', 'topic']);
    assert.deepEqual(first('custom_kafka_failover'), ['bootstrap_servers']);
  });

  it('leads from the brokers to TLS and logins', () => {
    for (const { identity } of DEFINITIONS.filter(({ identity }) =>
      first(identity.name).includes('bootstrap_servers'),
    ))
      for (const next of ['`security.ssl`', '`authentication.strategy`'])
        assert.ok(help(identity.name, 'bootstrap_servers').includes(next), identity.name);
  });

  // Whoever filled in what was on the screen had a one-way route, and clients their 200 at once.
  it('leads from the topic to the reply topic, and from there to the time', () => {
    assert.match(help('custom_kafka_producer', 'topic'), /`reply_topic`.* advanced/);
    assert.match(help('custom_kafka_request_reply', 'reply_topic'), /`reply\.timeout`/);
  });
});

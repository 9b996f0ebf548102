/** The Markdown reference page of an option table. */
import type { Field } from './fields';
import type { PluginDefinition } from './kong-schema';

export function referencePage({ identity: plugin, options }: PluginDefinition): string {
  return [
    `# ${plugin.name}`,
    '',
    '<!-- Generated from the option table of the plugin; `npm run generate` writes it. -->',
    '',
    plugin.purpose,
    '',
    `Priority ${plugin.priority}, phase ${plugin.phases.join(', ')}, protocols http and https.`,
    '',
    '| option | type | default | what it does |',
    '|---|---|---|---|',
    ...options.flatMap((field) => rows(field, '')),
    '',
  ].join('\n');
}

function rows(field: Field, prefix: string): string[] {
  const name = prefix + field.name;
  if (field.type === 'record') return field.fields.flatMap((inner) => rows(inner, `${name}.`));
  const own = `| \`${name}${field.type === 'array' ? '[]' : ''}\` | ${typeText(field)} | ${defaultText(field)} | ${field.description} |`;
  if (field.type !== 'array' || field.elements.type !== 'record') return [own];
  return [own, ...field.elements.fields.flatMap((inner) => rows(inner, `${name}[].`))];
}

function typeText(field: Field): string {
  if (field.type === 'array') return `array of ${field.elements.type}${oneOfText(field.elements)}`;
  if (field.type === 'map') return `map of string${oneOfText(field.keys)}`;
  if ((field.type === 'integer' || field.type === 'number') && field.between)
    return `${field.type}, ${field.between[0]}–${field.between[1]}`;
  const secret = field.type === 'string' && field.secret === true ? ', secret' : '';
  return `${field.type}${secret}${oneOfText(field)}`;
}

function oneOfText(type: object): string {
  if (!('oneOf' in type)) return '';
  return `: ${(type.oneOf as (string | number)[]).map((value) => `\`${value}\``).join(', ')}`;
}

function defaultText(field: Field): string {
  if ('default' in field) return `\`${JSON.stringify(field.default)}\``;
  return field.required === true ? 'required' : '–';
}

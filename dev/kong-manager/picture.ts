/** The picture of docs/kong-manager.md: where in the form of custom_kafka_request_reply the ten fields are that matter. */
import { REQUEST_REPLY, REQUEST_REPLY_OPTIONS } from '../../plugins/custom_kafka_request_reply/config';
import { firstSentence, formOf, type FormField } from './form';

/** Those of the first screen are not among them: they are always there. */
export const ADVANCED_FIELDS_THAT_MATTER = [
  'authentication.mechanism',
  'authentication.password',
  'authentication.strategy',
  'authentication.user',
  'dialects',
  'reply.timeout',
  'security.ssl',
] as const;

const WIDTH = 860;
const LEFT = 40;
const INPUT_WIDTH = WIDTH - 2 * LEFT;
const HELP_CHARACTERS = 122;

interface Drawing {
  readonly parts: string[];
  y: number;
}

export function kongManagerPicture(): string {
  const { first, advanced } = formOf(REQUEST_REPLY_OPTIONS);
  const drawing: Drawing = { parts: [], y: 40 };
  text(drawing, LEFT, `New plugin: ${REQUEST_REPLY.name}`, 'title');
  drawing.y += 34;
  for (const field of first) drawField(drawing, field, EXAMPLES[field.name] ?? '', 'required');
  text(drawing, LEFT, '▾ View Advanced Parameters', 'link');
  drawing.y += 22;
  text(drawing, LEFT, `${advanced.length} fields, sorted by name; these are the ones to look for:`, 'help');
  drawing.y += 30;
  for (const [index, field] of advanced.entries()) {
    if (!(ADVANCED_FIELDS_THAT_MATTER as readonly string[]).includes(field.name)) continue;
    drawField(drawing, field, EXAMPLES[field.name] ?? '', `${index + 1} of ${advanced.length}`);
  }
  const height = drawing.y;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>The form of ${REQUEST_REPLY.name} in Kong Manager: ten fields</title>
<style>
text { font-family: system-ui, sans-serif; font-size: 14px; fill: #1f2937 }
.title { font-size: 18px; font-weight: 600 }
.label { font-weight: 600 }
.note { font-size: 12px; fill: #6b7280; text-anchor: end }
.help { font-size: 12px; fill: #6b7280 }
.link { fill: #1155cb; font-weight: 600 }
.value { font-family: ui-monospace, monospace; font-size: 13px }
.required { fill: #b91c1c }
</style>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<rect x="8" y="8" width="${WIDTH - 16}" height="${height - 16}" rx="6" fill="none" stroke="#d1d5db"/>
${drawing.parts.join('\n')}
</svg>
`;
}

/** What stands in the inputs. */
const EXAMPLES: Readonly<Record<string, string>> = {
  bootstrap_servers: '+ New Item     Host kafka     Port 9092',
  topic: 'orders.requests',
  reply_topic: 'orders.replies',
  'authentication.mechanism': 'SCRAM-SHA-512',
  'authentication.password': '{vault://env/kafka-password}',
  'authentication.strategy': 'sasl',
  'authentication.user': 'kong',
  dialects: 'plain,spring,smallrye',
  'reply.timeout': '5000',
  'security.ssl': '☑',
};

function drawField(drawing: Drawing, field: FormField, value: string, note: string): void {
  const { parts } = drawing;
  text(drawing, LEFT, field.label, 'label');
  const isRequired = note === 'required';
  if (isRequired) parts.push(`<circle cx="${LEFT - 10}" cy="${drawing.y - 5}" r="3" class="required"/>`);
  text(drawing, WIDTH - LEFT, note, 'note');
  drawing.y += 10;
  parts.push(
    `<rect x="${LEFT}" y="${drawing.y}" width="${INPUT_WIDTH}" height="30" rx="4" fill="#ffffff" stroke="#9ca3af"/>`,
  );
  drawing.y += 20;
  text(drawing, LEFT + 12, value, 'value');
  drawing.y += 27;
  for (const line of inLines(firstSentence(field.help).replaceAll('`', ''))) {
    text(drawing, LEFT, line, 'help');
    drawing.y += 16;
  }
  drawing.y += 18;
}

function text({ parts, y }: Drawing, x: number, words: string, style: string): void {
  const escaped = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  parts.push(`<text x="${x}" y="${y}" class="${style}" xml:space="preserve">${escaped}</text>`);
}

function inLines(words: string): string[] {
  const lines: string[] = [];
  for (const word of words.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= HELP_CHARACTERS)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

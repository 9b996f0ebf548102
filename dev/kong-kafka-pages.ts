/** The reference pages of kong-kafka: its help, and what doctor can find. */
import { Readable } from 'node:stream';
import { FINDINGS } from '../cli/doctor/finding';
import { programOf } from '../cli/program';

const GENERATED = (from: string) => `<!-- Generated from ${from}; \`npm run generate\` writes it. -->`;

export function kongKafkaPage(): string {
  const program = programOf({
    stdout: NOWHERE,
    stderr: NOWHERE,
    stdin: Readable.from([]),
    env: {},
    interrupted: new AbortController().signal,
  });
  const sections = program.commands.map(
    (command) => `## ${command.name()}\n\n\`\`\`\n${helpOf(command)}\n\`\`\`\n`,
  );
  return `# kong-kafka

${GENERATED("the command's own help")}

\`\`\`
${helpOf(program)}
\`\`\`

${sections.join('\n')}`;
}

export function findingsPage(): string {
  const rows = (Object.keys(FINDINGS) as (keyof typeof FINDINGS)[]).map((code) => {
    const { level, title, why } = FINDINGS[code];
    return `| \`${code}\` | ${level} | ${title}. | ${why} |`;
  });
  return `# What doctor can find

${GENERATED('cli/doctor/finding.ts')}

How to run it: [doctor](../doctor.md). The codes stay; the level of one may be less where not everything is known.

| code | level | what | why it hurts |
|---|---|---|---|
${rows.join('\n')}
`;
}

const NOWHERE = { write: () => undefined };

/** With what is added after the options: examples, variables, exit codes. */
function helpOf(command: ReturnType<typeof programOf>): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => void (text += part) });
  command.outputHelp();
  return text.trim();
}

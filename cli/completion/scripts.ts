/** Completion scripts, one template per shell; the words in them are ours, none needs quoting but descriptions. */
import type { CommandWords, FlagWords } from './words';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell, commands: readonly CommandWords[]): string {
  return { bash, zsh, fish }[shell](commands);
}

function bash(commands: readonly CommandWords[]): string {
  const cases = commands.map(({ name, flags, choices }) => {
    const values = flags.flatMap((flag) => {
      if (flag.value === undefined) return [];
      if (flag.value === 'file')
        return [`        ${name}:${flag.flag}) COMPREPLY=($(compgen -f -- "$word")); return ;;`];
      const words = flag.value === 'any' ? '' : flag.value.join(' ');
      return [`        ${name}:${flag.flag}) COMPREPLY=($(compgen -W "${words}" -- "$word")); return ;;`];
    });
    const words = [...choices, ...flags.map(({ flag }) => flag)].join(' ');
    return { values, words: `        ${name}) words="${words}" ;;` };
  });
  return `# bash completion of kong-kafka
_kong_kafka() {
    local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}" words=""
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')} --version --help" -- "$word"))
        return
    fi
    case "$command:$before" in
${cases.flatMap(({ values }) => values).join('\n')}
    esac
    case "$command" in
${cases.map(({ words }) => words).join('\n')}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _kong_kafka kong-kafka
`;
}

function zsh(commands: readonly CommandWords[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const inBrackets = (text: string) => text.replace(/[\\[\]:]/g, '\\$&');
  const action = ({ value }: FlagWords) => {
    if (value === undefined) return '';
    if (value === 'file') return ':file:_files';
    return value === 'any' ? ':value: ' : `:value:(${value.join(' ')})`;
  };
  const cases = commands.map(({ name, flags, choices }) => {
    const specs = flags.map((flag) =>
      quoted(`*${flag.flag}[${inBrackets(flag.description)}]${action(flag)}`),
    );
    if (choices.length > 0) specs.push(quoted(`1:argument:(${choices.join(' ')})`));
    return `        ${name}) _arguments ${specs.join(' ')} ;;`;
  });
  const described = commands.map(({ name, description }) => quoted(`${name}:${inBrackets(description)}`));
  return `#compdef kong-kafka
_kong_kafka() {
    local -a commands=(${described.join(' ')})
    if (( CURRENT == 2 )); then
        _describe 'command' commands
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case $command in
${cases.join('\n')}
    esac
}
compdef _kong_kafka kong-kafka
`;
}

function fish(commands: readonly CommandWords[]): string {
  const quoted = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`;
  const lines = commands.flatMap(({ name, description, flags, choices }) => [
    `complete -c kong-kafka -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ...flags.map(({ flag, description: text, value }) => {
      const start = `complete -c kong-kafka -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)} -d ${quoted(text)}`;
      if (value === undefined) return start;
      if (value === 'file') return `${start} -r -F`;
      return value === 'any' ? `${start} -x` : `${start} -x -a ${quoted(value.join(' '))}`;
    }),
    ...(choices.length > 0
      ? [`complete -c kong-kafka -n '__fish_seen_subcommand_from ${name}' -a ${quoted(choices.join(' '))}`]
      : []),
  ]);
  return `# fish completion of kong-kafka\ncomplete -c kong-kafka -f\n${lines.join('\n')}\n`;
}

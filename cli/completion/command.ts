import { Argument, Command } from 'commander';
import { withAction } from '../action';
import { EXIT } from '../exit-codes';
import type { Surroundings } from '../surroundings';
import { SHELLS, completionScript, type Shell } from './scripts';
import { wordsOf } from './words';

const HOW_TO = `
Load it:
  bash  source <(kong-kafka completion bash)          in ~/.bashrc
  zsh   source <(kong-kafka completion zsh)           in ~/.zshrc, after compinit
  fish  kong-kafka completion fish | source           in ~/.config/fish/config.fish
`;

export function completionCommand(surroundings: Surroundings): Command {
  const command = new Command('completion')
    .description('Prints the script with which a shell completes commands and flags.')
    .addArgument(new Argument('<shell>', 'whose').choices(SHELLS))
    .addHelpText('after', HOW_TO);
  return withAction(command, surroundings, (output, _flags, [shell]) => {
    const words = wordsOf(command.parent!);
    if (output.isJson) output.document(words);
    else output.raw(completionScript(shell as Shell, words));
    return EXIT.fine;
  });
}

/** `tortie agent`: a node's process. */
import type { Command } from 'commander';
import { type AgentConfig, ConfigError, readConfig, SETTINGS } from './config.ts';

export function addAgentCommand(program: Command): void {
  const command = program
    .command('agent')
    .description('the daemon on every node: BGP, kernel routes, pod addresses and pod wiring')
    .option('--config <file>', 'settings file: YAML, keys as the flags, in camelCase');
  for (const { flag, variable, description, fallback } of SETTINGS)
    command.option(
      flag,
      `${description} [${variable}]${fallback ? ` (default: ${fallback})` : ''}`,
    );
  command.action(async (options: Record<string, string | undefined>) => {
    let config: AgentConfig;
    try {
      config = readConfig(flagsByKey(options), process.env, options.config);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      console.error(`tortie agent: ${error.message}`);
      process.exitCode = 2;
      return;
    }
    const { runAgent } = await import('./run.ts');
    await runAgent(config);
  });
}

/** Commander names an option after its flag (`--as` → `as`); settings have their own keys. */
function flagsByKey(
  options: Record<string, string | undefined>,
): Record<string, string | undefined> {
  return Object.fromEntries(
    SETTINGS.map(({ key, flag }) => [key, options[camelCase(flag.split(' ')[0]!.slice(2))]]),
  );
}

function camelCase(words: string): string {
  return words.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

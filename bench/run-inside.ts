/** Runs a benchmark in namespaces that end with it, whatever happens to it. */
import { spawn } from 'node:child_process';

/**
 * @param script becomes the first process of the namespaces; its options are its one argument, as JSON, and what
 * it prints to standard output is its results, as JSON
 * @throws when it fails; it has said why on standard error
 */
export async function runInside<Results>(script: string, options: object): Promise<Results> {
  const child = spawn(
    'unshare',
    [
      ...['--net', '--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...[process.execPath, '--disable-warning=ExperimentalWarning', script],
      JSON.stringify(options),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  if (status !== 0) throw new Error(`the benchmark ended with ${status}; see above`);
  return JSON.parse(output) as Results;
}

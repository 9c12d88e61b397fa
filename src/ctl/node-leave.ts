/** `node leave`: tells the agent or speaker on this machine to leave, and waits until it has. */
import { request } from 'node:http';
import { type Command, InvalidArgumentError } from 'commander';
import { controlSocket } from '../inspect/client.ts';
import { UsageError } from './kinds.ts';
import { answerFrom, withSocket } from './socket.ts';

/** Beside the time of the draining. */
const DEADLINE_MS = 15_000;

interface Flags {
  drain: number;
  reason: string;
  socket: string;
}

/** Adds the subcommand to `tortiectl node`. */
export function addLeaveCommand(node: Command): void {
  withSocket(node.command('leave'))
    .description(
      'end this node’s BGP for good: ask peers to take other paths (RFC 8326), then end the sessions and the agent or speaker; to restart it, end it by SIGTERM instead',
    )
    .option('--drain <seconds>', 'how long peers have to take other paths', readSeconds, 10)
    .option('--reason <text>', 'for the people at the peers (RFC 9003)', '')
    .action(async ({ drain, reason, socket }: Flags) => {
      await answerFrom(socket, leave(socket, drain, reason));
      console.log('This node has left; its agent or speaker has ended.');
    });
}

function leave(socket: string, drainSec: number, reason: string): Promise<void> {
  const query = new URLSearchParams({ drainSec: String(drainSec), reason });
  return new Promise((resolve, reject) => {
    const call = request({
      socketPath: controlSocket(socket),
      method: 'POST',
      path: `/leave?${query}`,
      timeout: drainSec * 1000 + DEADLINE_MS,
    });
    call.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(text.trim()));
      });
    });
    call.on('timeout', () => call.destroy(new Error(`${socket}: no answer`)));
    call.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EACCES') reject(error);
      else reject(new UsageError('only root and the user that it runs as may do that'));
    });
    call.end();
  });
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (text === '' || !(seconds >= 0 && seconds <= 3600))
    throw new InvalidArgumentError('write a number of seconds from 0 to 3600.');
  return seconds;
}

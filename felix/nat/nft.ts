/** The `nft` program, which speaks nftables' wire for us, and iptables' that speak theirs. */

import { execFile } from 'node:child_process';
import { inNamespace, type Monitor, type Namespace, nftablesGeneration } from 'rtnetlink-ts';

const DEADLINE_MS = 5000;
/** A listing of thousands of services' rules. */
const MAX_OUTPUT = 64 << 20;

/** Runs nft with these arguments and this input. @returns what it printed. @throws NftError */
export type Nft = (args: readonly string[], input?: string) => Promise<string>;

/** Tells that somebody changed a table of this name, without its family. @throws SystemCallError */
export type WatchNft = (table: string, onChange: () => void) => Monitor;

/**
 * The number of nftables' last transaction, of whatever table: while it is the same nobody has changed anything.
 * Undefined: the kernel does not tell.
 */
export type NftGeneration = () => number | undefined;

/** Why nft, or another such program, did not do it: it is not there, or it says what is wrong. */
export class NftError extends Error {
  override readonly name = 'NftError';
  readonly isMissing: boolean;

  constructor(isMissing: boolean, message: string) {
    super(message);
    this.isMissing = isMissing;
  }
}

export function openNft(netns: Namespace | undefined): Nft {
  return (args, input) => runProgram(netns, 'nft', args, input);
}

export function openNftGeneration(netns: Namespace | undefined): NftGeneration {
  return () => {
    try {
      return nftablesGeneration(netns === undefined ? {} : { netns });
    } catch {
      // Whoever reads because of that is told by nft what is wrong.
      return undefined;
    }
  };
}

/**
 * Runs a program in the namespace. Takes about 10 ms, off the loop.
 * @returns what it printed. @throws NftError
 */
export function runProgram(
  netns: Namespace | undefined,
  program: string,
  args: readonly string[],
  input = '',
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: DEADLINE_MS, maxBuffer: MAX_OUTPUT, env: { PATH, LC_ALL: 'C' } };
    // A child begins in the namespace of the thread that starts it.
    const child = inNamespace(netns, () =>
      execFile(program, args, options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else if (error.code === 'ENOENT')
          reject(new NftError(true, `there is no program ${program}`));
        else
          reject(new NftError(false, `${program} ${error.killed ? TOO_LATE : complaint(stderr)}`));
      }),
    );
    // It may end before it has read all; its own words then say why.
    child.stdin!.on('error', () => {});
    child.stdin!.end(input);
  });
}

/** Where Debian and others keep such programs, though a service's PATH may lack it. */
const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
const TOO_LATE = `did not end within ${DEADLINE_MS / 1000} s`;

/** Its first complaint, without the excerpt that follows with a mark below the place. */
function complaint(stderr: string): string {
  const [first = ''] = stderr.trim().split('\n');
  return first === '' ? 'failed without a word' : `says: ${first}`;
}

/** System calls that failed, by the names that errno.h gives. */
import { constants } from 'node:os';

const NAMES = new Map<number, string>();
for (const [name, errno] of Object.entries(constants.errno))
  if (!NAMES.has(errno)) NAMES.set(errno, name);
// Numbers with two names: the ones that socket calls are documented with.
NAMES.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');
NAMES.set(constants.errno.EAGAIN, 'EAGAIN');
// The kernel's own, which leaks out where a driver lacks an operation; no errno.h has it.
NAMES.set(524, 'ENOTSUPP');

/** 'EEXIST' for 17. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** A system call that failed. Test `code`. */
export class SystemCallError extends Error {
  override readonly name: string = 'SystemCallError';
  /** 'EPERM', 'EADDRINUSE', … */
  readonly code: string;
  /** What was tried. */
  readonly attempt: string;

  constructor(attempt: string, code: string, reason?: string) {
    super(`${attempt}: ${code}${reason ? ` (${reason})` : ''}`);
    this.attempt = attempt;
    this.code = code;
  }
}

/** Passes a system call's result through; throws when it is -errno. */
export function checked(result: number, attempt: string): number {
  if (result < 0) throw new SystemCallError(attempt, errnoName(-result));
  return result;
}

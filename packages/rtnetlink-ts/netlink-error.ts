/** What the kernel refused, in its own words. */
import { SystemCallError } from './system-call-error.ts';

/**
 * A request that failed. Test `code`: 'EEXIST', 'ESRCH', 'EPERM', …; 'ENOTSUPP' and 'EOPNOTSUPP'
 * both say that the kernel lacks it. The message reads like
 * `adding route 10.1.0.0/26 via 10.0.0.2: ENETUNREACH (Nexthop has invalid gateway)`.
 */
export class NetlinkError extends SystemCallError {
  override readonly name: string = 'NetlinkError';
  /** The kernel's extended acknowledgement, where it gave one. */
  readonly reason: string | undefined;

  constructor(attempt: string, code: string, reason?: string) {
    super(attempt, code, reason);
    this.reason = reason;
  }
}

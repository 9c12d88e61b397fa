/** What the kernel refused, in its own words. */

/**
 * A request that failed. Test `code`. The message reads like
 * `adding route 10.1.0.0/26 via 10.0.0.2: ENETUNREACH (Nexthop has invalid gateway)`.
 */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  /** 'EEXIST', 'ESRCH', 'EPERM', …; 'ENOTSUPP' and 'EOPNOTSUPP' both say that the kernel lacks it. */
  readonly code: string;
  /** What was tried: `adding route 10.1.0.0/26 via 10.0.0.2`. */
  readonly attempt: string;
  /** The kernel's extended acknowledgement, where it gave one. */
  readonly reason: string | undefined;

  constructor(attempt: string, code: string, reason?: string) {
    super(`${attempt}: ${code}${reason ? ` (${reason})` : ''}`);
    this.code = code;
    this.attempt = attempt;
    this.reason = reason;
  }
}

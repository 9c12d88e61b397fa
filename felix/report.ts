/** One thing that is not as it should be, for the admin. */
export interface Report {
  /** An interface, a prefix, a file. */
  readonly subject: string;
  readonly reason: string;
}

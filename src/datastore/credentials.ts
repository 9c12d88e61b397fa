/** Which API server it is, and how to be let in. */

export interface TlsOptions {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  servername?: string;
  rejectUnauthorized?: boolean;
}

export interface Credentials {
  server: URL;
  /** For errors: where this was read. */
  source: string;
  tls: TlsOptions;
  /** The Authorization header's value, read anew when it may have changed; undefined for none. */
  authorization(): Promise<string | undefined>;
  /** The server refused the last one: do not serve it from a cache. */
  refused(): void;
}

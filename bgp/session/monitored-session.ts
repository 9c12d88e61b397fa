/** What is told of a session to who monitors it, when it begins and when it ends. */

import type { Address } from 'net-ipaddr';

/** A session that is Established. */
export interface MonitoredSession {
  readonly remoteAddress: Address;
  readonly localAddress: Address;
  readonly remotePort: number;
  readonly localPort: number;
  readonly remoteAs: number;
  /** BGP Identifier, unsigned 32 bits. */
  readonly remoteRouterId: number;
  /** Whole messages, as they were sent and received. */
  readonly openSent: Uint8Array;
  readonly openReceived: Uint8Array;
}

/** Why a session ended. */
export type SessionEnd =
  | {
      readonly by: 'us' | 'peer';
      readonly notification: { code: number; subcode: number; data: Uint8Array };
    }
  /** The connection was lost, or closed without a word. */
  | { readonly by: 'transport' };

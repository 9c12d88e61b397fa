/** Connection collision, RFC 4271 §6.8: two connections with one peer, of which one is to stay. */

import type { State } from './transition.ts';

/** A connection of a peer, as far as the decision needs to know it. */
export interface Contender {
  readonly state: State;
  /** Who asked for the TCP connection. 'nobody' as long as there is none, not even an attempt. */
  readonly initiator: 'us' | 'them' | 'nobody';
}

/** A connection comes in. What becomes of it: */
export type Admission =
  /** The machine that waits for it takes it. */
  | { readonly fate: 'adopt' }
  /** It gets a machine of its own, beside the one that there is. */
  | { readonly fate: 'second' }
  /** As 'second', but `stale` is to be dumped first. */
  | { readonly fate: 'replace'; readonly stale: number }
  /** It is closed; `why` is for the log. */
  | { readonly fate: 'refuse'; readonly why: string };

/**
 * @param contenders The peer's machines, one or two; `stale` is an index into them.
 * @param isReplaceable An Established session may have been lost by the peer without our noticing.
 */
export function admit(contenders: readonly Contender[], isReplaceable: boolean): Admission {
  const main = contenders[0]!;
  if (!isReplaceable && contenders.some(({ state }) => state === 'Established')) {
    // CollisionDetectEstablishedState is false: the newly created connection is closed.
    return { fate: 'refuse', why: 'the session is established over another connection' };
  }
  if (main.state === 'Idle') {
    return { fate: 'refuse', why: 'the peer is Idle: the session failed just now, or is stopped' };
  }
  if (main.initiator === 'nobody') return { fate: 'adopt' };
  const stale = contenders.findIndex(
    ({ initiator, state }) => initiator === 'them' && state !== 'Established',
  );
  if (stale < 0) return { fate: 'second' };
  // A speaker dials one connection at a time, so it has lost the earlier one (its host restarted,
  // say), unless that got as far as a valid OPEN.
  if (contenders[stale]!.state === 'OpenConfirm') {
    return { fate: 'refuse', why: 'an earlier connection from the peer is being opened' };
  }
  return { fate: 'replace', stale };
}

/** Who the two speakers are: RFC 6286 §2.3 has the AS number decide between equal identifiers. */
export interface Speakers {
  readonly localRouterId: number;
  readonly localAs: number;
  readonly remoteRouterId: number;
  readonly remoteAs: number;
}

/**
 * A valid OPEN has come over `opened`, and the peer has `other` too. Says which of the two is to be
 * dumped: the one that the speaker with the lower identifier asked for.
 *
 * §6.8 looks at connections in OpenConfirm, and allows to look at those in OpenSent if the peer's
 * identifier is known. Here it is, from the OPEN; and looking at both is what makes the two
 * speakers decide alike whichever OPEN arrives first.
 */
export function resolve(
  opened: Contender,
  other: Contender,
  speakers: Speakers,
): 'opened' | 'other' {
  if (other.state === 'Established') return 'opened';
  // No OPEN of ours is on its way there: the peer cannot have chosen that connection.
  if (other.state !== 'OpenSent' && other.state !== 'OpenConfirm') return 'other';
  const favoured = weDominate(speakers) ? 'us' : 'them';
  return opened.initiator === favoured ? 'other' : 'opened';
}

function weDominate({ localRouterId, localAs, remoteRouterId, remoteAs }: Speakers): boolean {
  if (localRouterId !== remoteRouterId) return localRouterId > remoteRouterId;
  return localAs > remoteAs;
}

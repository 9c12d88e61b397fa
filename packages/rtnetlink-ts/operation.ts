/** What can be asked of the kernel, as plain values. */

import {
  type AddressSpec,
  decodeAddress,
  describeAddress,
  encodeAddress,
  RTM_DELADDR,
  RTM_NEWADDR,
} from './codec/address.ts';
import {
  decodeLink,
  describeLink,
  encodeLink,
  type LinkSpec,
  type OpenNamespace,
  RTM_DELLINK,
  RTM_NEWLINK,
} from './codec/link.ts';
import {
  decodeFdb,
  decodeNeighbour,
  describeFdb,
  describeNeighbour,
  encodeFdb,
  encodeNeighbour,
  type FdbEntry,
  isFdb,
  type Neighbour,
  RTM_DELNEIGH,
  RTM_NEWNEIGH,
} from './codec/neighbour.ts';
import {
  decodeNextHop,
  describeNextHop,
  encodeNextHop,
  type NextHopObject,
  RTM_DELNEXTHOP,
  RTM_NEWNEXTHOP,
} from './codec/next-hop-object.ts';
import {
  decodeRoute,
  describeRoute,
  encodeRoute,
  type RouteSpec,
  RTM_DELROUTE,
  RTM_NEWROUTE,
} from './codec/route.ts';
import {
  decodeRule,
  describeRule,
  encodeRule,
  RTM_DELRULE,
  RTM_NEWRULE,
  type Rule,
} from './codec/rule.ts';
import {
  HEADER_LENGTH,
  messageFlags,
  messageLength,
  messageType,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from './wire/message.ts';
import type { MessageWriter } from './wire/message-writer.ts';
import type { Words } from './wire/words.ts';

/**
 * - `add`: EEXIST if it is there.
 * - `replace`: adds it, or changes the one that is there. For a route that is *the first* of this
 *   prefix and metric in its table, whoever owns it.
 * - `append`: IPv4: another route of the same prefix and metric, after the others; IPv6: one more
 *   next hop of the route; FDB: one more destination of the MAC.
 * - `delete`: ESRCH, ENODEV, EADDRNOTAVAIL or ENOENT if it is not there.
 */
export type Action = 'add' | 'replace' | 'append' | 'delete';

export type Operation =
  | { readonly action: 'add' | 'change' | 'delete'; readonly link: LinkSpec }
  | { readonly action: 'add' | 'replace' | 'delete'; readonly address: AddressSpec }
  | { readonly action: Action; readonly route: RouteSpec }
  | { readonly action: 'add' | 'replace' | 'delete'; readonly nextHop: NextHopObject }
  | { readonly action: 'add' | 'delete'; readonly rule: Rule }
  | { readonly action: 'add' | 'replace' | 'delete'; readonly neighbour: Neighbour }
  | { readonly action: Action; readonly fdb: FdbEntry };

const FLAGS: Readonly<Record<Action | 'change', number>> = {
  add: NLM_F_CREATE | NLM_F_EXCL,
  replace: NLM_F_CREATE | NLM_F_REPLACE,
  append: NLM_F_CREATE | NLM_F_APPEND,
  change: 0,
  delete: 0,
};

/** Writes one operation as one message. @returns where it begins. */
export function encodeOperation(
  out: MessageWriter,
  operation: Operation,
  sequence: number,
  openNamespace: OpenNamespace,
): number {
  const { action } = operation;
  const start = out.length;
  try {
    if ('route' in operation) {
      begin(out, action, RTM_NEWROUTE, RTM_DELROUTE, sequence);
      encodeRoute(out, operation.route, action === 'delete');
    } else if ('link' in operation) {
      begin(out, action, RTM_NEWLINK, RTM_DELLINK, sequence);
      encodeLink(out, operation.link, openNamespace);
    } else if ('address' in operation) {
      begin(out, action, RTM_NEWADDR, RTM_DELADDR, sequence);
      encodeAddress(out, operation.address);
    } else if ('neighbour' in operation) {
      begin(out, action, RTM_NEWNEIGH, RTM_DELNEIGH, sequence);
      encodeNeighbour(out, operation.neighbour);
    } else if ('fdb' in operation) {
      begin(out, action, RTM_NEWNEIGH, RTM_DELNEIGH, sequence);
      encodeFdb(out, operation.fdb);
    } else if ('nextHop' in operation) {
      begin(out, action, RTM_NEWNEXTHOP, RTM_DELNEXTHOP, sequence);
      encodeNextHop(out, operation.nextHop, action === 'delete');
    } else {
      begin(out, action, RTM_NEWRULE, RTM_DELRULE, sequence);
      encodeRule(out, operation.rule);
    }
  } catch (error) {
    out.abandon(start);
    throw error;
  }
  out.end();
  return start;
}

function begin(
  out: MessageWriter,
  action: Action | 'change',
  create: number,
  remove: number,
  sequence: number,
): void {
  out.begin(action === 'delete' ? remove : create, FLAGS[action], sequence);
}

/** What could not even be written down, in words: `adding link eth0`. */
export function describeOperation(operation: Operation): string {
  const verb = VERBS[operation.action];
  if ('link' in operation) return `${verb} link ${operation.link.name ?? operation.link.index}`;
  if ('nextHop' in operation) return `${verb} next hop ${operation.nextHop.id}`;
  const what = (['route', 'address', 'neighbour', 'fdb', 'rule'] as const).find(
    (kind) => kind in operation,
  );
  return `${verb} ${what === 'fdb' ? 'forwarding entry' : what}`;
}

const VERBS: Readonly<Record<Action | 'change', string>> = {
  add: 'adding',
  replace: 'replacing',
  append: 'appending',
  change: 'changing',
  delete: 'deleting',
};

/** What a message asks for, in words, from its bytes: `adding route 10.1.0.0/26 via 10.0.0.2`. */
export function describeRequest(words: Words, at: number): string {
  return `${verbOf(words, at)} ${objectOf(words, at)}`;
}

function verbOf(words: Words, at: number): string {
  const flags = messageFlags(words, at);
  // RTM_NEW…, RTM_DEL…, RTM_GET… and RTM_SET… follow one another from a multiple of four on.
  if ((messageType(words, at) & 3) === 1) return VERBS.delete;
  if ((flags & NLM_F_EXCL) !== 0) return VERBS.add;
  if ((flags & NLM_F_REPLACE) !== 0) return VERBS.replace;
  return (flags & NLM_F_APPEND) !== 0 ? VERBS.append : VERBS.change;
}

function objectOf(words: Words, at: number): string {
  const start = at + HEADER_LENGTH;
  const end = at + messageLength(words, at);
  const type = messageType(words, at) & ~3;
  if (type === RTM_NEWROUTE) return orUnknown(decodeRoute(words, start, end), describeRoute);
  if (type === RTM_NEWLINK) return orUnknown(decodeLink(words, start, end), describeLink);
  if (type === RTM_NEWADDR) return orUnknown(decodeAddress(words, start, end), describeAddress);
  if (type === RTM_NEWNEXTHOP) return describeNextHop(decodeNextHop(words, start, end));
  if (type === RTM_NEWRULE) return orUnknown(decodeRule(words, start, end), describeRule);
  return isFdb(words, start)
    ? orUnknown(decodeFdb(words, start, end), describeFdb)
    : orUnknown(decodeNeighbour(words, start, end), describeNeighbour);
}

function orUnknown<T>(value: T | undefined, describe: (value: T) => string): string {
  return value === undefined ? 'what it cannot read back' : describe(value);
}

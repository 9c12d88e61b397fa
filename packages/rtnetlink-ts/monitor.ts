/** What the kernel tells unasked: multicast notifications. */
import { addon, type Poll } from './addon.ts';
import { type AddressEntry, decodeAddress, RTM_DELADDR, RTM_NEWADDR } from './codec/address.ts';
import { decodeLink, type Link, RTM_DELLINK, RTM_NEWLINK } from './codec/link.ts';
import {
  decodeFdb,
  decodeNeighbour,
  type FdbEntry,
  isFdb,
  type Neighbour,
  RTM_DELNEIGH,
  RTM_NEWNEIGH,
} from './codec/neighbour.ts';
import {
  decodeNextHop,
  type NextHopObject,
  RTM_DELNEXTHOP,
  RTM_NEWNEXTHOP,
} from './codec/next-hop-object.ts';
import { decodeRoute, type Route, RTM_DELROUTE, RTM_NEWROUTE } from './codec/route.ts';
import { decodeRule, RTM_DELRULE, RTM_NEWRULE, type Rule } from './codec/rule.ts';
import type { NetlinkSocket } from './netlink-socket.ts';
import { checked, errnoName } from './system-call-error.ts';
import { HEADER_LENGTH, messageLength, messageType } from './wire/message.ts';
import { align4, type Words } from './wire/words.ts';

/**
 * What to be told of, both families each. 'neighbour' includes FDB entries. 'nextHop' is refused with
 * EINVAL by kernels that have no such objects.
 */
export type Group = 'link' | 'address' | 'route' | 'rule' | 'neighbour' | 'nextHop';

/** `gone` false: it is new or has changed. */
export type NetlinkEvent =
  | { readonly kind: 'link'; readonly gone: boolean; readonly link: Link }
  | { readonly kind: 'address'; readonly gone: boolean; readonly address: AddressEntry }
  | { readonly kind: 'route'; readonly gone: boolean; readonly route: Route }
  | { readonly kind: 'nextHop'; readonly gone: boolean; readonly nextHop: NextHopObject }
  | { readonly kind: 'rule'; readonly gone: boolean; readonly rule: Rule }
  | { readonly kind: 'neighbour'; readonly gone: boolean; readonly neighbour: Neighbour }
  | { readonly kind: 'fdb'; readonly gone: boolean; readonly fdb: FdbEntry };

export interface Monitor {
  /** After this no callback is called. */
  close(): void;
}

/** RTNLGRP_…, linux/rtnetlink.h. */
const GROUPS: Readonly<Record<Group, readonly number[]>> = {
  link: [1],
  neighbour: [3],
  address: [5, 9],
  route: [7, 11],
  rule: [8, 19],
  nextHop: [32],
};

/** Datagrams that one turn of the event loop reads; libuv calls again while there are more. */
const READS_A_TURN = 200;

export interface MonitorOptions {
  readonly groups: readonly Group[];
  readonly onEvent: (event: NetlinkEvent) => void;
  readonly onResync: () => void;
}

/** Takes the socket over. */
export class NetlinkMonitor implements Monitor {
  readonly #socket: NetlinkSocket;
  readonly #options: MonitorOptions;
  readonly #poll: Poll;
  #closed = false;
  /** The kernel dropped something: all that is read until the queue is empty is older than that. */
  #lost = false;

  constructor(socket: NetlinkSocket, options: MonitorOptions) {
    this.#socket = socket;
    this.#options = options;
    try {
      for (const group of options.groups) for (const number of GROUPS[group]) socket.join(number);
      const poll = addon.pollStart(socket.fd, () => this.#read());
      if (typeof poll === 'number') checked(poll, 'waiting for netlink notifications');
      this.#poll = poll as Poll;
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    addon.pollStop(this.#poll);
    this.#socket.close();
  }

  #read(): void {
    for (let i = 0; i < READS_A_TURN && !this.#closed; i++) {
      const length = this.#socket.receive();
      if (length >= 0) this.#deliver(length);
      else if (errnoName(-length) === 'EAGAIN') {
        this.#resyncIfLost();
        return;
      }
      // ENOBUFS: the kernel queues nothing more until the queue is empty. Other errors of a
      // datagram socket also mean that something was not delivered.
      else this.#lost = true;
    }
  }

  /**
   * Only once the queue is empty: what was queued before the loss and read after the caller's dump
   * would put back what is long over, with nothing to follow that corrects it.
   */
  #resyncIfLost(): void {
    if (!this.#lost) return;
    this.#lost = false;
    this.#options.onResync();
  }

  #deliver(length: number): void {
    const { received } = this.#socket;
    for (let at = 0; at + HEADER_LENGTH <= length; at += align4(messageLength(received, at))) {
      if (this.#lost || this.#closed) return;
      const event = this.#eventOf(at);
      if (event) this.#options.onEvent(event);
    }
  }

  #eventOf(at: number): NetlinkEvent | undefined {
    const { received } = this.#socket;
    const type = messageType(received, at);
    return decodeEvent(received, type, at + HEADER_LENGTH, at + messageLength(received, at));
  }
}

function decodeEvent(
  words: Words,
  type: number,
  start: number,
  end: number,
): NetlinkEvent | undefined {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const link = decodeLink(words, start, end);
      return link && { kind: 'link', gone: type === RTM_DELLINK, link };
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(words, start, end);
      return address && { kind: 'address', gone: type === RTM_DELADDR, address };
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = decodeRoute(words, start, end);
      return route && { kind: 'route', gone: type === RTM_DELROUTE, route };
    }
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP: {
      const nextHop = decodeNextHop(words, start, end);
      return { kind: 'nextHop', gone: type === RTM_DELNEXTHOP, nextHop };
    }
    case RTM_NEWRULE:
    case RTM_DELRULE: {
      const rule = decodeRule(words, start, end);
      return rule && { kind: 'rule', gone: type === RTM_DELRULE, rule };
    }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: {
      const gone = type === RTM_DELNEIGH;
      if (isFdb(words, start)) {
        const fdb = decodeFdb(words, start, end);
        return fdb && { kind: 'fdb', gone, fdb };
      }
      const neighbour = decodeNeighbour(words, start, end);
      return neighbour && { kind: 'neighbour', gone, neighbour };
    }
    default:
      return undefined;
  }
}

/** The kernel's links: followed by netlink, spoken on by raw ICMPv6 sockets. Needs CAP_NET_RAW. */

import { isLinkLocal } from 'net-ipaddr';
import {
  type Icmpv6Socket,
  type NetlinkEvent,
  openIcmpv6,
  openNetlink,
  type Rtnetlink,
} from 'rtnetlink-ts';
import type { Clock, Timer } from '../../ports.ts';
import type { LinkEvents, Links } from './links.ts';
import { ALL_ROUTERS, ROUTER_ADVERTISEMENT, ROUTER_SOLICITATION } from './messages.ts';

/** The largest that RFC 8200 §5 promises to every link. What is larger is no message for us. */
const MAX_MESSAGE_BYTES = 1_280;
const RETRY_MS = 10_000;

/** Opens nothing before the first watch. */
export function kernelLinks(clock: Pick<Clock, 'after'>): Links {
  const watches = new Set<Watch>();
  let netlink: Rtnetlink | undefined;

  const lookAt = (matches: (watch: Watch) => boolean) => {
    for (const watch of watches) if (matches(watch)) void watch.look();
  };
  const hear = (event: NetlinkEvent) => {
    if (event.kind === 'link') lookAt(({ name, index }) => isIt(event.link, name, index));
    if (event.kind === 'address') lookAt(({ index }) => event.address.link === index);
  };
  const open = () => {
    netlink = openNetlink();
    netlink.monitor(['link', 'address'], hear, () => lookAt(() => true));
    return netlink;
  };
  return {
    watch(name, events) {
      const watch = new Watch(name, netlink ?? open(), events, clock);
      watches.add(watch);
      void watch.look();
      return {
        close() {
          watch.close();
          watches.delete(watch);
          if (watches.size > 0) return;
          netlink?.close();
          netlink = undefined;
        },
      };
    },
  };
}

/** A renamed interface is told of by its index. */
function isIt(
  link: { readonly name: string; readonly index: number },
  name: string,
  index: number | undefined,
): boolean {
  return link.name === name || link.index === index;
}

class Watch {
  readonly name: string;
  /** Of the interface as it was when last looked at; undefined: it was not there. */
  index: number | undefined;
  readonly #netlink: Rtnetlink;
  readonly #events: LinkEvents;
  readonly #clock: Pick<Clock, 'after'>;
  #socket: Icmpv6Socket | undefined;
  #spokenOn: number | undefined;
  #retry: Timer | undefined;
  #isLooking = false;
  #mustLookAgain = false;
  #isClosed = false;

  constructor(name: string, netlink: Rtnetlink, events: LinkEvents, clock: Pick<Clock, 'after'>) {
    this.name = name;
    this.#netlink = netlink;
    this.#events = events;
    this.#clock = clock;
  }

  /** Brings what is open in line with what is there. */
  async look(): Promise<void> {
    if (this.#isLooking) {
      this.#mustLookAgain = true;
      return;
    }
    this.#isLooking = true;
    do {
      this.#mustLookAgain = false;
      this.#retry?.cancel();
      try {
        const usable = await this.#usable();
        if (!this.#isClosed) this.#speakOn(usable);
      } catch (error) {
        if (!this.#isClosed) this.#fail(error as Error);
      }
    } while (this.#mustLookAgain && !this.#isClosed);
    this.#isLooking = false;
  }

  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
    this.#socket?.close();
  }

  /** Index of the interface, if it can be spoken on. */
  async #usable(): Promise<number | undefined> {
    const link = this.#netlink.link(this.name);
    this.index = link?.index;
    if (!link?.up || !link.hasCarrier) return undefined;
    const addresses = await this.#netlink.addresses({ family: 6, link: link.index });
    const isOurs = addresses.some(
      ({ address, tentative, dadFailed }) => isLinkLocal(address) && !tentative && !dadFailed,
    );
    return isOurs ? link.index : undefined;
  }

  #speakOn(index: number | undefined): void {
    if (index === this.#spokenOn) return;
    if (this.#spokenOn !== undefined) {
      this.#socket!.close();
      this.#spokenOn = undefined;
      this.#events.down();
    }
    if (index === undefined) return;
    const types = [ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT];
    const socket = openIcmpv6({ device: this.name, types, groups: [ALL_ROUTERS] });
    this.#socket = socket;
    this.#spokenOn = index;
    socket.receive(MAX_MESSAGE_BYTES, ({ bytes, source, ttl }) => {
      this.#events.received(bytes, source, ttl);
    });
    this.#events.up({ send: (message, to) => void socket.send(message, to) });
  }

  #fail({ message }: Error): void {
    this.#events.failed(message);
    this.#retry = this.#clock.after(RETRY_MS, () => void this.look());
  }
}

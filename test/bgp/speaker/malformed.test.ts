/**
 * RFC 7606 through whole sessions over TCP: the fate of the session, of the routes that the message is
 * about, of the others, and of what comes after it. The rows are those of the decoder's own tests.
 */

import type { WireContext } from 'bgp-parser-ts';
import { formatPrefix } from 'net-ipaddr';
import { type PeerConfig, type PeerStatus, Speaker } from '../../../bgp/speaker.ts';
import { see } from '../../bgp-parser-ts/outcome.ts';
import {
  BROKEN_BODIES,
  BROKEN_LENGTHS,
  DISCARDS,
  others,
  places,
  RESETS,
  WITHDRAWS,
} from '../../bgp-parser-ts/rfc7606-rows.ts';
import {
  EBGP,
  hex,
  IBGP,
  message,
  NEXT_HOP,
  ORIGIN,
  PREFIX,
  toHex,
  update,
} from '../../bgp-parser-ts/wire.ts';
import { recordingLog } from '../session/world.ts';
import { BOTH_FAMILIES, fourOctetAs, RawPeer } from './raw-peer.ts';

const OUR_AS = 64512;
/** The first of the AS paths of the rows. */
const THEIR_AS = 65001;
const OPEN = 1;
const UPDATE = 2;
const OURS = '127.20.0.1';

const ABOUT = '198.51.100.0/24'; // PREFIX
const OTHER = '203.0.113.0/24';
const LATER = '192.0.2.0/24';
const OTHER_BYTES = '18 cb0071';
const LATER_BYTES = '18 c00002';

const clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  after(delayMs: number, fn: () => void) {
    const timer = setTimeout(fn, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

const bugs: string[] = [];
let speaker: Speaker;
let port: number;
let peers: PeerConfig[] = [];
let sessions: RawPeer[] = [];
let count = 0;

beforeAll(async () => {
  const log = recordingLog();
  log.error = (_, text) => void bugs.push(text);
  speaker = new Speaker({ clock, random: Math.random, log });
  configure();
  while (!speaker.inspect().listeners[0]!.isListening) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  port = speaker.inspect().listeners[0]!.port;
});

afterEach(() => {
  for (const session of sessions) session.close();
  sessions = [];
  peers = [];
  configure();
  expect(bugs).toEqual([]);
});

afterAll(() => speaker.close({ forGood: false }));

function configure(): void {
  speaker.configure({
    localAs: OUR_AS,
    routerId: '10.0.0.1',
    listen: [{ address: OURS, port: 0 }],
    connectRetrySec: 1,
    peers,
    originations: [],
  });
}

/** Configures a peer of the kind that `context` says, of an address of its own. */
function addPeer({ ebgp }: WireContext): string {
  count++;
  const address = `127.20.${1 + (count >> 8)}.${count & 255}`;
  const remoteAs = ebgp ? THEIR_AS : OUR_AS;
  const policies = { importPolicy: 'all', exportPolicy: 'all' } as const;
  peers = [...peers, { name: address, address, remoteAs, passive: true, ...policies }];
  configure();
  return address;
}

async function connect(from: string, context: WireContext, capabilities = ''): Promise<RawPeer> {
  const session = new RawPeer(from, { address: OURS, port });
  sessions.push(session);
  const as = context.ebgp ? THEIR_AS : OUR_AS;
  const ofAs = context.as4 ? fourOctetAs(as) : '';
  await session.establish({ as, capabilities: `${BOTH_FAMILIES} ${ofAs} ${capabilities}` });
  return session;
}

/** A new peer, and its session. */
async function join(
  context: WireContext,
  capabilities = '',
): Promise<{ address: string; session: RawPeer }> {
  const address = addPeer(context);
  return { address, session: await connect(address, context, capabilities) };
}

function status(address: string): PeerStatus {
  return speaker.inspect().peers.find(({ name }) => name === address)!;
}

/** prefix → attributes, of the paths from the peer. */
function held(address: string): Record<string, unknown> {
  return Object.fromEntries(
    [...speaker.routes()].flatMap(({ prefix, paths }) =>
      paths
        .filter(({ peer }) => peer === address)
        .map(({ attributes }) => [formatPrefix(prefix), attributes] as const),
    ),
  );
}

function good(context: WireContext, nlri: string): Uint8Array {
  return update('', others(0, context).join(' '), nlri);
}

/** One after another would take its time: each waits for the speaker. */
async function sideBySide<T>(
  messages: readonly T[],
  test: (one: T) => Promise<void>,
): Promise<void> {
  await Promise.all(messages.map(test));
}

/** The routes before: the one that the broken message is about, and another. */
async function announce(address: string, session: RawPeer, context: WireContext): Promise<void> {
  session.send(good(context, `${PREFIX} ${OTHER_BYTES}`));
  await session.until('the routes', () => ABOUT in held(address) && OTHER in held(address));
}

/** Sends the message, and after it a route by which we know that it was read. */
async function sendThen(
  address: string,
  session: RawPeer,
  context: WireContext,
  bytes: Uint8Array,
): Promise<void> {
  session.send(bytes);
  session.send(good(context, LATER_BYTES));
  await session.until('the later route', () => LATER in held(address));
}

describe('RFC 7606 §2: treat-as-withdraw', () => {
  test.each(WITHDRAWS)('%s', async (...row) => {
    const [, context] = row;
    await sideBySide(places(row), async (attributes) => {
      const { address, session } = await join(context);
      await announce(address, session, context);
      await sendThen(address, session, context, update('', attributes, PREFIX));
      expect(Object.keys(held(address)).sort()).toEqual([LATER, OTHER]);
      expect(status(address)).toMatchObject({
        state: 'Established',
        routes: { treatedAsWithdraw: 1, attributesDiscarded: 0 },
      });
    });
  });

  test.each(BROKEN_LENGTHS)('§4: %s', async (_, attributes) => {
    const { address, session } = await join(IBGP);
    await announce(address, session, IBGP);
    await sendThen(address, session, IBGP, update('', attributes, PREFIX));
    expect(Object.keys(held(address)).sort()).toEqual([LATER, OTHER]);
    expect(status(address).state).toBe('Established');
  });
});

describe('RFC 7606 §2: attribute discard', () => {
  test.each(DISCARDS)('%s', async (...row) => {
    const [, context] = row;
    await sideBySide(places(row), async (attributes) => {
      const { address, session } = await join(context);
      await announce(address, session, context);
      await sendThen(address, session, context, update('', attributes, PREFIX));
      const routes = held(address);
      // As without the attribute.
      expect(routes[ABOUT]).toEqual(routes[OTHER]);
      expect(status(address)).toMatchObject({
        state: 'Established',
        routes: { received: 3, treatedAsWithdraw: 0, attributesDiscarded: 1 },
      });
    });
  });
});

describe('RFC 7606 §2: session reset', () => {
  async function allReset(context: WireContext, broken: readonly Uint8Array[]): Promise<void> {
    await sideBySide(broken, async (bytes) => {
      const { address, session } = await join(context);
      await announce(address, session, context);
      session.send(bytes);
      await session.until('the end', () => session.isClosed);
      expect(session.notification).toBe(see(bytes, context).notification);
      await session.until('the withdraw', () => Object.keys(held(address)).length === 0);
      expect(status(address).lastNotification?.source).toBe('notification sent');
    });
  }

  test.each(RESETS)('%s', (...row) =>
    allReset(
      row[1],
      places(row).map((attributes) => update('', attributes, PREFIX)),
    ),
  );

  test.each(BROKEN_BODIES)('%s', (_, body) => allReset(IBGP, [message(UPDATE, hex(body))]));

  test.each(WITHDRAWS)('§5.2: %s, and no reachable NLRI', (...row) =>
    allReset(
      row[1],
      places(row).map((attributes) => update('', attributes, '')),
    ),
  );

  test('the peer comes back, with its routes', async () => {
    const { address, session } = await join(IBGP);
    session.send(message(UPDATE, hex('0000 0001')));
    await session.until('the end', () => session.isClosed);
    const isWaiting = () => status(address).state === 'Active';
    await session.until('the speaker to wait for the peer again', isWaiting);
    const again = await connect(address, IBGP);
    await announce(address, again, IBGP);
    expect(status(address)).toMatchObject({ state: 'Established', upCount: 2 });
  });
});

describe('what took other speakers down', () => {
  /** The message in which `session` was sent these octets of NLRI, alone or among others, in hex. */
  const heard = (session: RawPeer, nlri: string) =>
    session.messages.map(toHex).find((text) => text.includes(toHex(hex(nlri))));

  test.each([
    ['attribute 28, corrupted (VU#347067)', 'e0 1c 05 0001020304'],
    ['BGP Prefix-SID, corrupted', 'e0 28 03 010000'],
    ['unknown, of 0 octets', 'e0 63 00'],
    ['unknown, its length extended', `f0 63 0100 ${'a5'.repeat(256)}`],
    ['unknown, 255', 'e0 ff 02 beef'],
  ])('an optional transitive attribute goes through byte for byte: %s', async (_, attribute) => {
    const { session: from, address } = await join(EBGP);
    const { session: to } = await join(IBGP);
    const attributes = [...others(0, EBGP), attribute].join(' ');
    await sendThen(address, from, EBGP, update('', attributes, PREFIX));
    await to.until('the route at the other peer', () => heard(to, PREFIX) !== undefined);
    expect(heard(to, PREFIX)).toContain(toHex(hex(attribute)));
    expect(status(address)).toMatchObject({ state: 'Established' });
  });

  test('RFC 8654: an AS path of 60,000 octets comes in, and goes out only where it fits', async () => {
    const extended = '06 00';
    const { session: from, address } = await join(EBGP, extended);
    const { session: wide } = await join(IBGP, extended);
    const { session: narrow } = await join(IBGP);
    const segment = `02 ff ${'0000fde9'.repeat(255)}`;
    const path = `50 02 ${(58 * 1022).toString(16)} ${segment.repeat(58)}`;
    from.send(update('', `${ORIGIN} ${path} ${NEXT_HOP}`, PREFIX));
    await sendThen(address, from, EBGP, good(EBGP, OTHER_BYTES));
    await wide.until('the long path', () => heard(wide, PREFIX) !== undefined);
    await narrow.until('the short path', () => heard(narrow, OTHER_BYTES) !== undefined);
    expect(heard(narrow, PREFIX)).toBeUndefined();
    expect(speaker.inspect().peers.map(({ state }) => state)).toEqual(
      Array.from({ length: 3 }, () => 'Established'),
    );
  });

  test.each([
    ['an optional parameter beyond the message', '04 fde9 00b4 7f140101 05 02 08 0104', '2/0'],
    ['a capability beyond its parameter', '04 fde9 00b4 7f140101 04 02 02 01 04', '2/0'],
    ['a capability of which only the code is there', '04 fde9 00b4 7f140101 03 02 01 01', '2/0'],
    ['multiprotocol of 0 octets', '04 fde9 00b4 7f140101 04 02 02 01 00', '2/0'],
    ['version 3', '03 fde9 00b4 7f140101 00', '2/1 0004'],
    ['hold time 1', '04 fde9 0001 7f140101 00', '2/6'],
    ['identifier 0', '04 fde9 00b4 00000000 00', '2/3'],
  ])('an OPEN with %s is refused, and a good one afterwards taken', async (_, open, answer) => {
    const address = addPeer(EBGP);
    const bad = new RawPeer(address, { address: OURS, port });
    bad.send(message(OPEN, hex(open)));
    await bad.until('the refusal', () => bad.isClosed);
    expect(bad.notification).toBe(answer);
    const isWaiting = () => status(address).state === 'Active';
    await bad.until('the speaker to wait for the peer again', isWaiting);
    await connect(address, EBGP);
    expect(status(address).state).toBe('Established');
  });
});

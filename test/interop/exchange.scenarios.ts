/**
 * Routes with every attribute between all five daemons and a raw peer, through one speaker: for
 * exchange.test.ts to judge.
 */

import { formatAddress } from 'net-ipaddr';
import { BOTH_FAMILIES, fourOctetAs, RawPeer } from '../bgp/speaker/raw-peer.ts';
import { EBGP, update } from '../bgp-parser-ts/wire.ts';
import { command, until } from './daemons/host.ts';
import { allNeighbors, type Words, wordFor } from './neighbors/all.ts';
import { eachUntil, type Neighbor, type Seen, seenHere } from './neighbors/neighbor.ts';
import { tableOf } from './neighbors/raw.ts';
import { OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

/** Of the first, if it is old. */
const OLD_AS = 65_001;
const RAW_AS = 65_100;
/** On the loopback interface, as is our end. */
const RAW = '192.0.2.2';
const OURS = '192.0.2.1';
const RAW_PREFIXES = ['198.51.100.0/24', '2001:db8:a::/48'];
/** What the raw peer announces: a 4-octet AS number, a set, and attribute 99 among the attributes. */
const RAW_ATTRIBUTES = `
  40 01 01 01
  40 02 10 02 02 0000fe4c fa56ea63  01 01 0000fdf2
  80 04 04 00000007
  40 06 00
  c0 07 08 fa56ea63 c0000209
  c0 08 08 fde80001 fde80002
  c0 10 08 0002fde800000064
  c0 20 0c 0000fde8 00000001 00000002
  c0 63 02 1234`;
const NEXT_HOP4 = '40 03 04 c0000202';
const MP_REACH = '80 0e 1c 0002 01 10 20010db8000000000000000000000002 00 30 20010db8000a';
const MP_UNREACH = '80 0f 0a 0002 01 30 20010db8000a';
const RAW_PREFIX4 = '18 c63364';

/**
 * What makes a daemon an old speaker, of 2-octet AS numbers. GoBGP has no word for it; FRR without
 * capabilities still takes none but a new speaker's AGGREGATOR.
 */
const OLD: Words = {
  bird: () => 'enable as4 off;',
  openbgpd: () => '  announce as-4byte no',
  exabgp: () => 'capability {\n    asn4 disable;\n  }',
};

interface Exchange {
  readonly kind: 'ebgp' | 'ibgp';
  /** Those that can be are old speakers. */
  readonly areOld?: boolean;
  readonly over6: boolean;
  readonly weWait: boolean;
}

async function exchange(stage: Stage, { kind, areOld, over6, weWait }: Exchange): Promise<unknown> {
  const neighbors = allNeighbors(stage);
  const old = neighbors.map(({ host }) => (areOld ? wordFor(OLD, host) : undefined));
  command('ip', 'address', 'add', `${OURS}/24`, 'dev', 'lo');
  // Each has an AS of its own, or would find itself in the others' paths.
  const asOf = (index: number) => {
    if (kind === 'ibgp') return OUR_AS;
    return (old[index] === undefined ? THEIR_AS : OLD_AS) + index;
  };
  const ends = { neighborAs: OUR_AS, over6, passive: !weWait };
  await Promise.all(
    neighbors.map((one, index) => one.start({ ...ends, as: asOf(index), options: old[index] })),
  );
  stage.configure([
    {
      name: 'raw',
      address: RAW,
      remoteAs: RAW_AS,
      passive: true,
      localAddress4: OURS,
      localAddress6: '2001:db8::1',
      importPolicy: 'all',
      exportPolicy: 'all',
    },
    ...neighbors.map(({ host }, index) =>
      stage.peer(host, asOf(index), { over6, passive: weWait, nextHopMode: 'self' }),
    ),
  ]);
  const raw = await connectRaw(stage);
  await eachUntil(neighbors, 'its session', async ({ host }) => stage.isUp(host));

  raw.send(update('', `${RAW_ATTRIBUTES} ${NEXT_HOP4}`, RAW_PREFIX4));
  raw.send(update('', `${RAW_ATTRIBUTES} ${MP_REACH}`, ''));
  await Promise.all(neighbors.map((one, index) => one.announce(prefixesOf(index))));
  // Over iBGP they do not hear of one another: the speaker is no reflector.
  const expected = (index: number) => [
    ...RAW_PREFIXES,
    ...neighbors.flatMap((_, other) =>
      kind === 'ibgp' || other === index ? [] : prefixesOf(other),
    ),
  ];
  await eachUntil(neighbors, 'all routes', async (one, index) => {
    const routes = await one.routes();
    return hasAll(routes, expected(index));
  });
  const allPrefixes = neighbors.flatMap((_, index) => prefixesOf(index));
  await until('all routes at the raw peer', () => hasAll(tableOf(raw, EBGP), allPrefixes));

  const seen = Object.fromEntries(
    await Promise.all(
      neighbors.map(async (one, index) => [
        one.host.name,
        {
          as: asOf(index),
          session: stage.summary(one.host),
          ours: [one.host.ours4, one.host.ours6],
          theirs: [one.host.address4, one.host.address6],
          here: prefixesOf(index).map((prefix) => here(stage, prefix, one)),
          atRaw: prefixesOf(index).map((prefix) => tableOf(raw, EBGP)[prefix]),
          there: pick(await one.routes(), expected(index)),
        },
      ]),
    ),
  );

  raw.send(update(RAW_PREFIX4, MP_UNREACH, ''));
  await Promise.all(neighbors.map((one, index) => one.withdraw(prefixesOf(index))));
  await eachUntil(neighbors, 'all withdraws', async (one, index) => {
    const routes = await one.routes();
    return expected(index).every((prefix) => !(prefix in routes));
  });
  await until('all withdraws here', () => stage.learned.size === 0);
  await until('all withdraws at the raw peer', () => Object.keys(tableOf(raw, EBGP)).length === 0);
  raw.close();
  return { seen, downs: stage.sessions.filter((what) => what.endsWith('down')) };
}

function prefixesOf(index: number): string[] {
  return [`203.0.113.${32 * index}/27`, `2001:db8:b${index}::/48`];
}

async function connectRaw(stage: Stage): Promise<RawPeer> {
  const isListening = () => stage.speaker.inspect().listeners.every((one) => one.isListening);
  await until('the speaker to listen', isListening);
  const raw = new RawPeer(RAW, { address: OURS, port: 179 });
  const capabilities = `${BOTH_FAMILIES} ${fourOctetAs(RAW_AS)}`;
  await raw.establish({ as: RAW_AS, capabilities });
  return raw;
}

/** Of the neighbor's path, since others may tell the route back to us. */
function here(stage: Stage, prefix: string, { host }: Neighbor): Seen {
  const [route] = stage.speaker.routes(prefix);
  const { attributes, nextHop } = route!.paths.find(({ peer }) => peer === host.name)!;
  return { ...seenHere(attributes), nextHop: formatAddress(nextHop!) };
}

function hasAll(table: Record<string, Seen>, prefixes: readonly string[]): boolean {
  return prefixes.every((prefix) => prefix in table);
}

function pick(table: Record<string, Seen>, prefixes: readonly string[]): Record<string, Seen> {
  return Object.fromEntries(prefixes.map((prefix) => [prefix, table[prefix]!]));
}

await play({
  'ebgp over IPv4, they wait': (stage) =>
    exchange(stage, { kind: 'ebgp', over6: false, weWait: false }),
  'ebgp over IPv6, we wait': (stage) =>
    exchange(stage, { kind: 'ebgp', over6: true, weWait: true }),
  'ebgp with old speakers': (stage) =>
    exchange(stage, { kind: 'ebgp', areOld: true, over6: false, weWait: true }),
  'ibgp over IPv4, we wait': (stage) =>
    exchange(stage, { kind: 'ibgp', over6: false, weWait: true }),
  'ibgp over IPv6, they wait': (stage) =>
    exchange(stage, { kind: 'ibgp', over6: true, weWait: false }),
});

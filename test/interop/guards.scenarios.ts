/** Passwords, hops, ranges and limits of prefixes with each daemon: for guards.test.ts to judge. */

import { join } from 'node:path';
import type { PeerConfig, PeerRangeConfig } from '../../bgp/speaker.ts';
import { type Host, until } from './daemons/host.ts';
import { allNeighbors, startWith, type Words } from './neighbors/all.ts';
import { eachUntil } from './neighbors/neighbor.ts';
import { OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

const TORTIE_SPEAKER = join(import.meta.dirname, '../speaker/tortie-speaker.ts');

const KEY = 'mekmitasdigoat';
const PASSWORD: Words = {
  bird: () => `password "${KEY}";`,
  frr: (us) => ` neighbor ${us} password ${KEY}`,
  gobgp: () => `    auth-password = "${KEY}"`,
  openbgpd: () => `  tcp md5sig password "${KEY}"`,
  exabgp: () => `md5-password "${KEY}";`,
};
/** On Linux OpenBGPD, which has no PF_KEY there, answers nobody whose segments are signed; it has to dial. */
const { openbgpd: _, ...PASSWORD_OF_LISTENERS } = PASSWORD;
const TTL: Words = {
  bird: () => 'ttl security on;',
  frr: (us) => ` neighbor ${us} ttl-security hops 1`,
  gobgp: () => '  [neighbors.ttl-security.config]\n    enabled = true\n    ttl-min = 255',
  openbgpd: () => '  ttl-security yes',
  exabgp: () => 'incoming-ttl 255;\n  outgoing-ttl 255;',
};
const NOTHING: Words = Object.fromEntries(Object.keys(TTL).map((name) => [name, () => '']));

/** Several attempts at a session, of which each would succeed within milliseconds. */
const LONG_ENOUGH_MS = 4_000;

interface Guarded {
  readonly words: Words;
  readonly over6: boolean;
  readonly weWait: boolean;
  readonly wrong?: Partial<PeerConfig>;
  readonly right: Partial<PeerConfig>;
}

/** At first we have another guard than they, where `wrong` says so, and then the same. */
async function guarded(stage: Stage, { words, over6, weWait, wrong, right }: Guarded) {
  const session = { as: THEIR_AS, neighborAs: OUR_AS, over6, passive: !weWait };
  const neighbors = await startWith(words, stage, session);
  const configure = (guards: Partial<PeerConfig>) =>
    stage.configure(
      neighbors.map(({ host }) =>
        stage.peer(host, THEIR_AS, { over6, passive: weWait, ...guards }),
      ),
    );
  if (wrong !== undefined) {
    configure(wrong);
    await new Promise((resolve) => setTimeout(resolve, LONG_ENOUGH_MS));
  }
  const upWithWrong = [...stage.sessions];
  configure(right);
  await Promise.all(
    neighbors.map(({ host }) => until(`${host.name}: its session`, () => stage.isUp(host))),
  );
  return { upWithWrong, sessions: stage.sessions.toSorted() };
}

const passwords = { wrong: { md5Key: `${KEY}!` }, right: { md5Key: KEY } };
const near = { ttlSecurityHops: 1 };

await play({
  'passwords, they wait': (stage) =>
    guarded(stage, { words: PASSWORD_OF_LISTENERS, over6: false, weWait: false, ...passwords }),
  'passwords, we wait': (stage) =>
    guarded(stage, { words: PASSWORD, over6: true, weWait: true, ...passwords }),
  'our TTL security, they wait': (stage) =>
    guarded(stage, { words: NOTHING, over6: true, weWait: false, wrong: near, right: {} }),
  'our TTL security, we wait': (stage) =>
    guarded(stage, { words: NOTHING, over6: false, weWait: true, wrong: near, right: {} }),
  'their TTL security, they wait': (stage) =>
    guarded(stage, { words: TTL, over6: false, weWait: false, right: near }),
  'their TTL security, we wait': (stage) =>
    guarded(stage, { words: TTL, over6: true, weWait: true, right: near }),

  async 'a wrong password'(stage) {
    const session = { as: THEIR_AS, neighborAs: OUR_AS, passive: true };
    const [bird] = await startWith({ bird: PASSWORD.bird! }, stage, session);
    const { host } = bird!;
    stage.configure([stage.peer(host, THEIR_AS, { md5Key: 'woof' })]);
    const error = () => stage.status(host).lastError?.name;
    // BIRD may not have been there yet.
    const isOther = () => error() !== undefined && !error()!.includes('ECONNREFUSED');
    await until('an error', isOther);
    return {
      name: error(),
      hasLoggedKey: stage.log.join().includes('woof'),
    };
  },

  /** The other side is `tortie speaker`, which reads its files again when they change. */
  async 'a password is rotated'(stage) {
    const host = stage.host('tortie');
    await host.up();
    const write = (password: string) => host.write('speaker.yml', resources(host, password));
    const file = write('old');
    const flags = ['--as', String(THEIR_AS), '--address', host.address4, '-f', file];
    host.spawn([process.execPath, TORTIE_SPEAKER, 'speaker', ...flags]);
    const ours = (md5Key: string, prefix: string) =>
      stage.configure([stage.peer(host, THEIR_AS, { md5Key })], { originations: [{ prefix }] });
    ours('old', '10.1.0.0/26');
    await until('the session', () => stage.isUp(host));
    ours('new', '10.1.0.64/26');
    const { received } = stage.status(host);
    write('new');
    // What it says signed with the new key is heard.
    await until(
      'a KEEPALIVE of it',
      () => stage.status(host).received.keepalive > received.keepalive + 1,
    );
    const { state, upCount } = stage.status(host);
    return { state, upCount, sessions: stage.sessions };
  },

  /** All from one range, with its password. */
  async 'dynamic neighbours'(stage) {
    const range: PeerRangeConfig = {
      prefix: '10.9.0.0/16',
      remoteAs: THEIR_AS,
      md5Key: KEY,
      restartTimeSec: 0,
      importPolicy: 'all',
      exportPolicy: 'all',
    };
    stage.configure([], { peerRanges: [range] });
    const neighbors = await startWith(PASSWORD, stage, { as: THEIR_AS, neighborAs: OUR_AS });
    const names = () =>
      stage.speaker
        .inspect()
        .peers.filter(({ state }) => state === 'Established')
        .map(({ name }) => name)
        .sort();
    await until('all sessions', () => names().length === neighbors.length);
    const all = names();
    const [first] = neighbors;
    await first!.host.killPrograms();
    const others = neighbors.length - 1;
    await until('one to be gone', () => stage.speaker.inspect().peers.length === others);
    return { all, left: names(), ranges: stage.speaker.inspect().ranges };
  },

  /** Each announces three routes, is allowed two, and then three. */
  async 'too many prefixes'(stage) {
    const neighbors = allNeighbors(stage);
    const session = { as: THEIR_AS, neighborAs: OUR_AS, passive: true };
    await Promise.all(neighbors.map((one) => one.start(session)));
    const configure = (maxPrefixes: number) =>
      stage.configure(
        neighbors.map(({ host }) => stage.peer(host, THEIR_AS, { maxPrefixes, restartTimeSec: 0 })),
      );
    configure(2);
    await eachUntil(neighbors, 'its session', async ({ host }) => stage.isUp(host));
    const prefixes = (index: number) =>
      [0, 1, 2].map((third) => `198.51.${3 * index + third}.0/24`);
    await Promise.all(neighbors.map((one, index) => one.announce(prefixes(index))));
    await eachUntil(neighbors, 'its end', async ({ host }) => !stage.isUp(host));
    await eachUntil(neighbors, 'our reason', async (one) => (await one.heard()) !== undefined);
    const ends = neighbors.map(async (one) => {
      const { state, lastNotification } = stage.status(one.host);
      const heard = await one.heard();
      return [one.host.name, { state, said: lastNotification?.name, heard }];
    });
    const seen = Object.fromEntries(await Promise.all(ends));
    configure(3);
    await until('all routes', () => stage.learned.size === 3 * neighbors.length);
    return seen;
  },
});

function resources(host: Host, password: string): string {
  return `apiVersion: v1
kind: Secret
metadata: { name: bgp }
stringData: { hub: ${password} }
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: hub }
spec:
  peerIP: ${host.ours4}
  asNumber: ${OUR_AS}
  holdTime: 15s
  password: { secretKeyRef: { name: bgp, key: hub } }
`;
}

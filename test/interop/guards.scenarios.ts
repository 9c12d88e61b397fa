/** Passwords, hops, ranges and limits of prefixes with other daemons, for guards.test.ts to judge. */

import { join } from 'node:path';
import type { PeerRangeConfig } from '../../bgp/speaker.ts';
import { Bird } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { Frr, frrConfig } from './daemons/frr.ts';
import { Gobgp, gobgpConfig } from './daemons/gobgp.ts';
import { type Host, until } from './daemons/host.ts';
import { Openbgpd, openbgpdConfig } from './daemons/openbgpd.ts';
import type { Session } from './daemons/session.ts';
import { OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

const TORTIE_SPEAKER = join(import.meta.dirname, '../speaker/tortie-speaker.ts');

/** What a daemon is to have, beside a session with us. */
interface Guard {
  readonly password?: string;
  /** At most one hop away. */
  readonly ttlSecurity?: boolean;
}

type Start = (host: Host, session: Session, guard: Guard) => Promise<void>;

const DAEMONS: Record<string, Start> = {
  bird(host, session, { password, ttlSecurity }) {
    const options = [password && `password "${password}";`, ttlSecurity && 'ttl security on;'];
    const more = { options: options.filter(Boolean).join('\n') };
    return new Bird(host).start(birdConfig(host, { ...session, ...more }));
  },
  frr(host, session, { password, ttlSecurity }) {
    const options = [
      password && ` neighbor ${host.ours4} password ${password}`,
      ttlSecurity && ` neighbor ${host.ours4} ttl-security hops 1`,
    ];
    const more = { options: options.filter(Boolean).join('\n') };
    return new Frr(host).start(frrConfig(host, { ...session, ...more }));
  },
  gobgp(host, session, { password, ttlSecurity }) {
    const ttl = '\n  [neighbors.ttl-security.config]\n    enabled = true\n    ttl-min = 255';
    const config = gobgpConfig(host, { ...session, options: ttlSecurity ? ttl : '' });
    const as = `peer-as = ${session.neighborAs}`;
    const withPassword = `${as}\n    auth-password = "${password}"`;
    return new Gobgp(host).start(password ? config.replace(as, withPassword) : config);
  },
  /** Its passwords need PF_KEY, which Linux has not for TCP. */
  openbgpd(host, session, { ttlSecurity }) {
    const options = ttlSecurity ? '  ttl-security yes' : '';
    return new Openbgpd(host).start(openbgpdConfig(host, { ...session, options }));
  },
};

/** A daemon with its guard, and we with ours. */
async function meet(
  stage: Stage,
  daemon: string,
  { theyWait, guard }: { theyWait: boolean; guard: Guard },
  ours: { md5Key?: string; ttlSecurityHops?: number },
): Promise<Host> {
  const host = stage.host(daemon);
  const session = { as: THEIR_AS, neighborAs: OUR_AS, passive: theyWait };
  await DAEMONS[daemon]!(host, session, guard);
  stage.configure([stage.peer(host, THEIR_AS, { passive: !theyWait, ...ours })]);
  return host;
}

async function signed(stage: Stage, daemon: string, theyWait: boolean) {
  const guard = { password: 'meow' };
  await meet(stage, daemon, { theyWait, guard }, { md5Key: 'meow' });
  await until('the session', () => stage.sessions.length > 0);
  return stage.sessions;
}

async function near(stage: Stage, daemon: string, theyWait: boolean) {
  const guard = { ttlSecurity: true };
  await meet(stage, daemon, { theyWait, guard }, { ttlSecurityHops: 1 });
  await until('the session', () => stage.sessions.length > 0);
  return stage.sessions;
}

const bothRoles = (what: string, run: typeof signed, daemons = Object.keys(DAEMONS)) =>
  Object.fromEntries(
    daemons.flatMap((daemon) => [
      [`${daemon} ${what}, they wait`, (stage: Stage) => run(stage, daemon, true)],
      [`${daemon} ${what}, we wait`, (stage: Stage) => run(stage, daemon, false)],
    ]),
  );

await play({
  ...bothRoles('signs', signed, ['bird', 'frr', 'gobgp']),
  ...bothRoles('is near', near),

  async 'wrong password'(stage) {
    const guard = { password: 'meow' };
    const host = await meet(stage, 'bird', { theyWait: true, guard }, { md5Key: 'woof' });
    await until('an error', () => stage.status(host).lastError !== undefined);
    const { name } = stage.status(host).lastError!;
    stage.configure([stage.peer(host, THEIR_AS, { md5Key: 'meow' })]);
    await until('the session', () => stage.sessions.length > 0);
    return { name, sessions: stage.sessions, hasLoggedKey: stage.log.join().includes('woof') };
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

  /** BIRD answers a connection with TTL 255, and speaks to a peer on its link with TTL 1. */
  async 'too far away'(stage) {
    const bird = new Bird(stage.host('bird'));
    const { host } = bird;
    await bird.start(birdConfig(host, { as: THEIR_AS, neighborAs: OUR_AS, passive: true }));
    stage.configure([stage.peer(host, THEIR_AS, { ttlSecurityHops: 1 })]);
    const theirState = async () =>
      /BGP state:\s+(\w+)/.exec(await bird.ask('show protocols all tortie'))?.[1];
    await until('BIRD to have heard us', async () => (await theirState()) === 'OpenConfirm');
    const { state, received } = stage.status(host);
    stage.configure([stage.peer(host, THEIR_AS)]);
    await until('the session', () => stage.sessions.length > 0);
    return { state, heard: received.open, sessions: stage.sessions };
  },

  async 'dynamic neighbours'(stage) {
    const policy = { importPolicy: 'all', exportPolicy: 'all' } as const;
    const range: PeerRangeConfig = {
      prefix: '10.9.0.0/16',
      remoteAs: THEIR_AS,
      md5Key: 'purr',
      restartTimeSec: 0,
      ...policy,
    };
    stage.configure([], { peerRanges: [range] });
    const [bird, frr] = [stage.host('bird'), stage.host('frr')];
    const session = { as: THEIR_AS, neighborAs: OUR_AS };
    await DAEMONS.bird!(bird, session, { password: 'purr' });
    await DAEMONS.frr!(frr, session, { password: 'purr' });
    const names = () =>
      stage.speaker
        .inspect()
        .peers.filter(({ state }) => state === 'Established')
        .map(({ name }) => name)
        .sort();
    await until('both', () => names().length === 2);
    const both = names();
    await bird.killPrograms();
    await until('one to be gone', () => stage.speaker.inspect().peers.length === 1);
    return { both, left: names(), ranges: stage.speaker.inspect().ranges };
  },

  async 'too many prefixes'(stage) {
    const bird = new Bird(stage.host('bird'));
    const { host } = bird;
    const routes = (count: number) =>
      statics(
        's4',
        4,
        Array.from({ length: count }, (_, index) => ({ prefix: `198.51.${index}.0/24` })),
      );
    const session = { as: THEIR_AS, neighborAs: OUR_AS };
    await bird.start(birdConfig(host, { ...session, more: routes(10) }));
    const limited = { maxPrefixes: 10, restartTimeSec: 0 };
    stage.configure([stage.peer(host, THEIR_AS, limited)]);
    await until('ten routes', () => stage.learned.size === 10);
    await bird.configure(birdConfig(host, { ...session, more: routes(11) }));
    await until('the end', () => stage.sessions.includes('bird down'));
    const { state, lastError } = stage.status(host);
    const theySay = /Last error:\s+(.*)/.exec(await bird.ask('show protocols all tortie'))?.[1];
    stage.configure([stage.peer(host, THEIR_AS, { ...limited, maxPrefixes: 11 })]);
    await until('eleven routes', () => stage.learned.size === 11);
    return { state, why: lastError?.name, theySay, sessions: stage.sessions };
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

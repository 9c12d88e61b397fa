/** A session with each daemon, a route each way, and its withdraw: for daemons.test.ts to judge. */

import { Exabgp, exabgpConfig } from './daemons/exabgp.ts';
import { Frr, frrConfig } from './daemons/frr.ts';
import { Gobgp, gobgpConfig } from './daemons/gobgp.ts';
import { type Host, until } from './daemons/host.ts';
import { Openbgpd, openbgpdConfig } from './daemons/openbgpd.ts';
import { OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

const OURS = '10.1.0.0/26';
const THEIRS = '198.51.100.0/24';
const SESSION = { as: THEIR_AS, neighborAs: OUR_AS };

interface Daemon {
  readonly host: Host;
  announce(): Promise<void>;
  withdraw(): Promise<void>;
  holdsOurs(): Promise<boolean>;
}

async function exchange(stage: Stage, daemon: Daemon): Promise<unknown> {
  const { host } = daemon;
  stage.configure([stage.peer(host, THEIR_AS)], { originations: [{ prefix: OURS }] });
  await until('the session', () => stage.isUp(host));
  await until('our route there', () => daemon.holdsOurs());
  await daemon.announce();
  await until('its route here', () => stage.learned.has(THEIRS));
  await daemon.withdraw();
  await until('its withdraw', () => !stage.learned.has(THEIRS));
  stage.configure([stage.peer(host, THEIR_AS)]);
  await until('our withdraw there', async () => !(await daemon.holdsOurs()));
  return stage.summary(host);
}

await play({
  async frr(stage) {
    const frr = new Frr(stage.host('frr'));
    const { host } = frr;
    await frr.start(frrConfig(host, SESSION));
    const network = (line: string) =>
      frr.configure(`router bgp ${THEIR_AS}`, 'address-family ipv4 unicast', line);
    return exchange(stage, {
      host,
      announce: () => network(`network ${THEIRS}`),
      withdraw: () => network(`no network ${THEIRS}`),
      holdsOurs: async () => OURS in (await frr.routes(4)),
    });
  },

  async gobgp(stage) {
    const gobgp = new Gobgp(stage.host('gobgp'));
    const { host } = gobgp;
    await gobgp.start(gobgpConfig(host, SESSION));
    return exchange(stage, {
      host,
      announce: () => gobgp.announce(THEIRS),
      withdraw: () => gobgp.withdraw(THEIRS),
      holdsOurs: async () => OURS in (await gobgp.routes(4)),
    });
  },

  async openbgpd(stage) {
    const openbgpd = new Openbgpd(stage.host('openbgpd'));
    const { host } = openbgpd;
    await openbgpd.start(openbgpdConfig(host, SESSION));
    return exchange(stage, {
      host,
      announce: () => openbgpd.announce(THEIRS),
      withdraw: () => openbgpd.withdraw(THEIRS),
      holdsOurs: async () => (await openbgpd.routes()).some(({ prefix }) => prefix === OURS),
    });
  },

  async exabgp(stage) {
    const exabgp = new Exabgp(stage.host('exabgp'));
    const { host } = exabgp;
    await exabgp.start(exabgpConfig(host, SESSION));
    const route = `route ${THEIRS} next-hop self`;
    return exchange(stage, {
      host,
      announce: () => exabgp.command(`announce ${route}`),
      withdraw: () => exabgp.command(`withdraw ${route}`),
      holdsOurs: async () =>
        'announce' in
        (exabgp.updates().findLast((update) => JSON.stringify(update).includes(OURS)) ?? {}),
    });
  },
});

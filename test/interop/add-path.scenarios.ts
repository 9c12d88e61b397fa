/** Several paths of a prefix (RFC 7911) to and from other daemons at once: for add-path.test.ts to judge. */

import { ORIGIN, update } from '../bgp-parser-ts/wire.ts';
import { Bird } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { Exabgp, exabgpConfig } from './daemons/exabgp.ts';
import { Frr, frrConfig } from './daemons/frr.ts';
import { Gobgp, gobgpConfig } from './daemons/gobgp.ts';
import { type Host, until } from './daemons/host.ts';
import { Openbgpd, openbgpdConfig } from './daemons/openbgpd.ts';
import { secondNeighbor } from './neighbors/raw.ts';
import { asPathText, OUR_AS, play, type Stage } from './stage.ts';

/** We have it twice: as our own, and from a source in another AS. */
const OURS = '203.0.113.0/24';
const SOURCE_AS = 65_001;
/** The daemon has it twice. */
const THEIRS = '198.51.100.0/24';

/** A client of ours that announces THEIRS over two paths. */
interface Client {
  readonly host: Host;
  /** Of the paths to OURS that it has from us: AS path, after its identifier where the daemon tells that. */
  paths(): Promise<string[]>;
  /** Gives one of its paths to THEIRS up. */
  withdrawOne(): Promise<void>;
}

interface GobgpAttribute {
  readonly type: number;
  readonly as_paths?: readonly { readonly asns: readonly number[] }[];
}

interface ExabgpNlri {
  readonly nlri: string;
  /** The identifier, as an IPv4 address. */
  readonly 'path-information': string;
}

function ofOurs(routes: readonly ExabgpNlri[]): string[] {
  return routes.filter(({ nlri }) => nlri === OURS).map((one) => one['path-information']);
}

const daemons: Record<string, (stage: Stage) => Promise<Client>> = {
  async bird(stage) {
    const bird = new Bird(stage.host('client'));
    const one = (name: string, as: number) =>
      statics(name, 4, [{ prefix: THEIRS, attributes: `bgp_path.prepend(${as});` }]);
    await bird.start(
      birdConfig(bird.host, {
        as: OUR_AS,
        neighborAs: OUR_AS,
        channelOptions4: 'add paths on;',
        more: one('path1', 65_010) + one('path2', 65_011),
      }),
    );
    return {
      host: bird.host,
      async paths() {
        const told = await bird.ask(`show route ${OURS} protocol tortie all`);
        return [...told.matchAll(/BGP\.as_path: ?(.*)/g)].map(([, path]) => path!.trim());
      },
      async withdrawOne() {
        await bird.ask('disable path2');
      },
    };
  },

  async frr(stage) {
    const frr = new Frr(stage.host('client'));
    const { host } = frr;
    await frr.start(frrConfig(host, { as: OUR_AS, neighborAs: OUR_AS }), ['zebra', 'staticd']);
    const inFamily = [`router bgp ${OUR_AS}`, 'address-family ipv4 unicast'];
    await frr.configure(`ip route ${THEIRS} blackhole`);
    await frr.configure(
      ...inFamily,
      `neighbor ${host.ours4} addpath-tx-all-paths`,
      `network ${THEIRS}`,
      'redistribute static',
    );
    return {
      host,
      async paths() {
        const { paths = [] } = await frr.json(`show bgp ipv4 unicast ${OURS}`);
        return paths
          .filter(({ peer }: { peer: { type?: string } }) => peer.type)
          .map((path: { addpathRxId: number; aspath: { string: string } }) => {
            const asPath = path.aspath.string.replace('Local', '');
            return `${path.addpathRxId}: ${asPath}`;
          });
      },
      async withdrawOne() {
        await frr.configure(...inFamily, 'no redistribute static');
      },
    };
  },

  async gobgp(stage) {
    const gobgp = new Gobgp(stage.host('client'));
    const { host } = gobgp;
    await gobgp.start(
      gobgpConfig(host, { as: OUR_AS, neighborAs: OUR_AS }).replace(
        'afi-safi-name = "ipv4-unicast"',
        `afi-safi-name = "ipv4-unicast"
    [neighbors.afi-safis.add-paths.config]
      receive = true
      send-max = 8`,
      ),
    );
    const attributes = (id: number) => `identifier ${id} nexthop ${host.address4} med ${id}`;
    await gobgp.announce(THEIRS, attributes(10));
    await gobgp.announce(THEIRS, attributes(11));
    return {
      host,
      async paths() {
        const adjIn = await gobgp.json('neighbor', host.ours4, 'adj-in');
        return (adjIn[OURS] ?? []).map(({ attrs }: { attrs: GobgpAttribute[] }) => {
          const asPath = attrs.find(({ type }) => type === 2)?.as_paths?.[0]?.asns ?? [];
          return asPath.join(' ');
        });
      },
      async withdrawOne() {
        await gobgp.ask('global', 'rib', 'del', THEIRS, 'identifier', '11');
      },
    };
  },

  async exabgp(stage) {
    const exabgp = new Exabgp(stage.host('client'));
    const { host } = exabgp;
    const options = 'capability {\n    add-path send/receive;\n  }';
    await exabgp.start(exabgpConfig(host, { as: OUR_AS, neighborAs: OUR_AS, options }));
    const route = (id: number) =>
      `route ${THEIRS} path-information 0.0.0.${id} next-hop ${host.address4} med ${id}`;
    await exabgp.command(`announce ${route(10)}`);
    await exabgp.command(`announce ${route(11)}`);
    return {
      host,
      async paths() {
        const held = new Map<string, string>();
        for (const { attribute, announce = {}, withdraw = {} } of exabgp.updates()) {
          for (const one of ofOurs(withdraw['ipv4 unicast'] ?? [])) held.delete(one);
          const announced = Object.values<ExabgpNlri[]>(announce['ipv4 unicast'] ?? {}).flat();
          const asPath = (attribute?.['as-path'] ?? []).join(' ');
          for (const one of ofOurs(announced)) held.set(one, `${one}: ${asPath}`);
        }
        return [...held.values()];
      },
      async withdrawOne() {
        await exabgp.command(`withdraw ${route(11)}`);
      },
    };
  },

  /** Of its own it has one path to a prefix; it hears the other one from a raw peer at 10.9.2.3. */
  async openbgpd(stage) {
    const openbgpd = new Openbgpd(stage.host('client'));
    const { host } = openbgpd;
    const second = '10.9.2.3';
    await openbgpd.start(
      openbgpdConfig(host, {
        as: OUR_AS,
        neighborAs: OUR_AS,
        options: '  announce add-path recv yes\n  announce add-path send all',
        more: `network ${THEIRS}
neighbor ${second} {
  remote-as 65010
  passive
}`,
      }),
    );
    const raw = await secondNeighbor(host, second, 65_010);
    raw.send(update('', `${ORIGIN} 40 02 06 0201 0000fdf2 40 03 04 0a090203`, '18 c63364'));
    return {
      host,
      async paths() {
        const routes = await openbgpd.routes('in', 'neighbor', host.ours4);
        return routes.filter(({ prefix }) => prefix === OURS).map(({ aspath }) => aspath);
      },
      async withdrawOne() {
        raw.close();
      },
    };
  },
};

function learned(stage: Stage): string[] {
  for (const { paths } of stage.speaker.routes(THEIRS)) {
    return paths.map((path) => `${path.state} ${path.attributes.med ?? 0} ${asPathText(path)}`);
  }
  return [];
}

function pathIds(stage: Stage): number[] {
  for (const { paths } of stage.speaker.routes(THEIRS)) return paths.map(({ pathId }) => pathId);
  return [];
}

async function exchange(stage: Stage, daemon: string) {
  const source = new Bird(stage.host('source'));
  const more = statics('s4', 4, [{ prefix: OURS }]);
  await source.start(birdConfig(source.host, { as: SOURCE_AS, neighborAs: OUR_AS, more }));
  const client = await daemons[daemon]!(stage);
  const { host } = client;
  const peers = [
    stage.peer(source.host, SOURCE_AS),
    stage.peer(host, OUR_AS, {
      addPaths: 'both',
      routeReflectorClient: true,
      nextHopMode: 'self',
    }),
  ];
  stage.configure(peers, { originations: [{ prefix: OURS }] });
  await until('both its paths here', () => learned(stage).length === 2);
  await until('both ours there', async () => (await client.paths()).length === 2);
  const both = { here: learned(stage).sort(), there: (await client.paths()).sort() };
  const ids = new Set(pathIds(stage)).size;

  stage.configure(peers);
  await until('ours without our own', async () => (await client.paths()).length === 1);
  await client.withdrawOne();
  await until('its path to be gone', () => learned(stage).length === 1);
  const { addPath, families } = stage.status(host).negotiated!;
  return {
    negotiated: { addPath, families },
    both,
    ids,
    one: { here: learned(stage), there: await client.paths() },
    sessions: stage.sessions.filter((line) => line.startsWith('client')),
  };
}

await play({
  bird: (stage) => exchange(stage, 'bird'),
  frr: (stage) => exchange(stage, 'frr'),
  gobgp: (stage) => exchange(stage, 'gobgp'),
  openbgpd: (stage) => exchange(stage, 'openbgpd'),
  exabgp: (stage) => exchange(stage, 'exabgp'),
});

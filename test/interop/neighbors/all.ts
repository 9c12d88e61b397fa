import type { Host } from '../daemons/host.ts';
import type { Session } from '../daemons/session.ts';
import type { Stage } from '../stage.ts';
import { BirdNeighbor } from './bird.ts';
import { ExabgpNeighbor } from './exabgp.ts';
import { FrrNeighbor } from './frr.ts';
import { GobgpNeighbor } from './gobgp.ts';
import type { Neighbor } from './neighbor.ts';
import { OpenbgpdNeighbor } from './openbgpd.ts';

const DAEMONS = {
  bird: BirdNeighbor,
  frr: FrrNeighbor,
  gobgp: GobgpNeighbor,
  openbgpd: OpenbgpdNeighbor,
  exabgp: ExabgpNeighbor,
};

/** What turns a feature on in each daemon, `us` being our address; who is missing does not have it. */
export type Words = Partial<Record<keyof typeof DAEMONS, (us: string) => string>>;

/** Undefined: the daemon on `host` does not have the feature. */
export function wordFor(words: Words, host: Host, over6 = false): string | undefined {
  return words[host.name as keyof Words]?.(over6 ? host.ours6 : host.ours4);
}

/** One of each daemon, on hosts of their names. */
export function allNeighbors(stage: Stage): Neighbor[] {
  return Object.entries(DAEMONS).map(([name, Daemon]) => new Daemon(stage.host(name)));
}

/** Those that have a feature, started with it. */
export async function startWith(
  words: Words,
  stage: Stage,
  session: Omit<Session, 'options'>,
): Promise<Neighbor[]> {
  const started = Object.keys(words).map(async (name) => {
    const neighbor = new DAEMONS[name as keyof Words](stage.host(name));
    const options = wordFor(words, neighbor.host, session.over6);
    await neighbor.start({ ...session, options });
    return neighbor;
  });
  return Promise.all(started);
}

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
  const started = Object.entries(words).map(async ([name, word]) => {
    const neighbor = new DAEMONS[name as keyof typeof DAEMONS](stage.host(name));
    const { ours4, ours6 } = neighbor.host;
    await neighbor.start({ ...session, options: word(session.over6 ? ours6 : ours4) });
    return neighbor;
  });
  return Promise.all(started);
}

import type { Stage } from '../stage.ts';
import { BirdNeighbor } from './bird.ts';
import { ExabgpNeighbor } from './exabgp.ts';
import { FrrNeighbor } from './frr.ts';
import { GobgpNeighbor } from './gobgp.ts';
import type { Neighbor } from './neighbor.ts';
import { OpenbgpdNeighbor } from './openbgpd.ts';

/** One of each daemon, on hosts of their names. */
export function allNeighbors(stage: Stage): Neighbor[] {
  return [
    new BirdNeighbor(stage.host('bird')),
    new FrrNeighbor(stage.host('frr')),
    new GobgpNeighbor(stage.host('gobgp')),
    new OpenbgpdNeighbor(stage.host('openbgpd')),
    new ExabgpNeighbor(stage.host('exabgp')),
  ];
}

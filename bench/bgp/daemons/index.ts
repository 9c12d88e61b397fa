/** The daemons, in the order of the tables' rows. */
import { bird } from './bird.ts';
import type { Daemon } from './daemon.ts';
import { frrAtOnce, frrCoalescing } from './frr.ts';
import { gobgp } from './gobgp.ts';
import { openbgpd } from './openbgpd.ts';
import { relay } from './relay.ts';
import { tortie } from './tortie.ts';

export const DAEMONS: readonly Daemon[] = [
  tortie,
  bird,
  frrCoalescing,
  frrAtOnce,
  openbgpd,
  gobgp,
  relay,
];

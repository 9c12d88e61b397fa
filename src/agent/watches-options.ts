import type { Clock, Log, Random } from '../../ports.ts';
import type { Datastore } from '../datastore/index.ts';

/** What watches of resources are made with. */
export interface WatchesOptions {
  store: Datastore;
  clock: Clock;
  random: Random;
  log: Log;
  /** Where the Secrets with passwords are. */
  namespace: string;
  /** Something changed; called for each object. */
  onChange: () => void;
}

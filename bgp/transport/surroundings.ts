import type { Clock, Random } from '../../ports.ts';
import type { Schedule } from '../schedule.ts';
import type { Transport } from './transport.ts';

/** What all connections share. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly schedule: Schedule;
  readonly transport: Transport;
}

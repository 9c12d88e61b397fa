/** What a speaker is handed of the world. */

import type { Clock, Log, Random } from '../ports.ts';
import type { BfdTransport } from './bfd/transport.ts';
import type { RoutingOptions } from './routing.ts';
import type { Immediate } from './schedule.ts';
import type { Transport } from './transport/transport.ts';
import type { Links } from './unnumbered/links.ts';

export interface SpeakerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** @default the kernel's TCP */
  readonly transport?: Transport;
  /** @default the kernel's UDP */
  readonly bfdTransport?: BfdTransport;
  /** Where unnumbered peers are found. @default the kernel's links */
  readonly links?: Links;
  /** Must let the transport deliver what has come before it calls back. @default setImmediate */
  readonly immediate?: Immediate;
  /** As RoutingOptions's. */
  readonly resolve?: RoutingOptions['resolve'];
  /** As RoutingOptions's. */
  readonly interfaceOf?: RoutingOptions['interfaceOf'];
}

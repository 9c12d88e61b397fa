/** IPReservation: addresses that are never handed out. */
import { z } from 'zod';
import { prefix } from './fields.ts';
import { resource, typeAndMeta } from './resource.ts';

const schema = z.looseObject({
  ...typeAndMeta('IPReservation'),
  spec: z.looseObject({ reservedCIDRs: z.array(prefix()).optional() }),
});

export type IPReservation = z.input<typeof schema>;

export const IPReservation = resource('IPReservation', {
  plural: 'ipreservations',
  columns: [{ name: 'CIDRs', type: 'string', jsonPath: '.spec.reservedCIDRs' }],
  schema,
});

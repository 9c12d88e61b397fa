/** IPAMBlock: one block of addresses, who holds each, and which node the block belongs to. */
import { z } from 'zod';
import { int64, prefix } from './fields.ts';
import { resource, typeAndMeta } from './resource.ts';

const ordinal = z.int().min(0);

const attribute = z.looseObject({
  handle_id: z.string().optional(),
  /** Of the allocation's present owner: `node`, `pod`, `namespace`, … */
  secondary: z.record(z.string(), z.string()).optional(),
  alternateOwnerAttrs: z.record(z.string(), z.string()).optional(),
  releasedAt: z.string().optional(),
});

const schema = z.looseObject({
  ...typeAndMeta('IPAMBlock'),
  spec: z.looseObject({
    cidr: prefix(),
    /** "host:<node>" or "virtual:<name>"; absent when the block belongs to nobody. */
    affinity: z
      .string()
      .regex(/^(host|virtual):[a-zA-Z0-9.\-_]+$/, {
        error: ({ input }) => `${JSON.stringify(input)} is not host:<node> or virtual:<name>`,
      })
      .optional(),
    affinityClaimTime: z.string().optional(),
    /** By ordinal: null when free, else an index into `attributes`. */
    allocations: z.array(ordinal.nullable()),
    /** Free ordinals, first to be given out first. */
    unallocated: z.array(ordinal),
    attributes: z.array(attribute),
    /** Begins at Unix nanoseconds and grows by one with each write: beyond 2^53. */
    sequenceNumber: int64().default(0),
    /** Ordinal, as a string, to the block's sequenceNumber when it was given out. */
    sequenceNumberForAllocation: z.record(z.string(), int64()).optional(),
    deleted: z.boolean().default(false),
    /** Of Calico's past; written because its readers expect the field. */
    strictAffinity: z.boolean().default(false),
  }),
});

export type IPAMBlock = z.input<typeof schema>;

export const IPAMBlock = resource('IPAMBlock', {
  plural: 'ipamblocks',
  keepsUnknownFields: true,
  columns: [
    { name: 'CIDR', type: 'string', jsonPath: '.spec.cidr' },
    { name: 'Affinity', type: 'string', jsonPath: '.spec.affinity' },
    { name: 'Claimed', type: 'date', jsonPath: '.spec.affinityClaimTime' },
  ],
  schema,
});

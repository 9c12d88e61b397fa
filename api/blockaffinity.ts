/** BlockAffinity: a node's claim on a block. */
import { z } from 'zod';
import { prefix } from './fields.ts';
import { resource, typeAndMeta } from './resource.ts';

const schema = z.looseObject({
  ...typeAndMeta('BlockAffinity'),
  spec: z.looseObject({
    state: z.enum(['', 'pending', 'confirmed', 'pendingDeletion']),
    node: z.string(),
    /** "host" when absent. */
    type: z.string().optional(),
    cidr: prefix(),
    deleted: z.boolean().default(false),
  }),
});

export type BlockAffinity = z.input<typeof schema>;

export const BlockAffinity = resource('BlockAffinity', {
  plural: 'blockaffinities',
  shortNames: ['affinity', 'affinities'],
  keepsUnknownFields: true,
  columns: [
    { name: 'CIDR', type: 'string', jsonPath: '.spec.cidr' },
    { name: 'Node', type: 'string', jsonPath: '.spec.node' },
    { name: 'State', type: 'string', jsonPath: '.spec.state' },
    { name: 'Type', type: 'string', jsonPath: '.spec.type' },
  ],
  schema,
});

/** IPAMConfiguration (named `default`): how blocks are handed to nodes. */
import { z } from 'zod';
import { integer } from './fields.ts';
import { resource, typeAndMeta } from './resource.ts';
import { withRules } from './rules.ts';

/** What maxBlocksPerHost 0 means, in Calico and here. */
export const DEFAULT_MAX_BLOCKS_PER_HOST = 20;

const spec = withRules(
  z.looseObject({
    /** true: a node takes addresses only from blocks of its own. */
    strictAffinity: z.boolean().default(false),
    autoAllocateBlocks: z.boolean().default(true),
    maxBlocksPerHost: integer(0, 1_000_000).default(0),
    kubeVirtVMAddressPersistence: z.enum(['Enabled', 'Disabled']).optional(),
    ipCooldownSeconds: integer(0, 1200).optional(),
  }),
  [
    {
      field: 'autoAllocateBlocks',
      holds: (spec) => spec.strictAffinity || spec.autoAllocateBlocks,
      message: 'cannot be false while strictAffinity is false: set one of them to true',
      cel: '!has(self.autoAllocateBlocks) || self.autoAllocateBlocks || (has(self.strictAffinity) && self.strictAffinity)',
    },
  ],
);

const schema = z.looseObject({
  ...typeAndMeta('IPAMConfiguration'),
  spec: spec.prefault({}),
});

export type IPAMConfiguration = z.input<typeof schema>;

export const IPAMConfiguration = resource('IPAMConfiguration', {
  plural: 'ipamconfigurations',
  shortNames: ['ipamconfig', 'ipamconfigs'],
  columns: [
    { name: 'Strict Affinity', type: 'boolean', jsonPath: '.spec.strictAffinity' },
    { name: 'Auto Allocate', type: 'boolean', jsonPath: '.spec.autoAllocateBlocks' },
    { name: 'Max Blocks', type: 'integer', jsonPath: '.spec.maxBlocksPerHost' },
  ],
  schema,
});

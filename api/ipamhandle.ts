/** IPAMHandle: how many addresses one owner has in which blocks. */
import { z } from 'zod';
import { resource, typeAndMeta } from './resource.ts';

const schema = z.looseObject({
  ...typeAndMeta('IPAMHandle'),
  spec: z.looseObject({
    handleID: z.string(),
    /** Block CIDR to the number of addresses that the handle has there. */
    block: z.record(z.string(), z.int().min(0)),
    deleted: z.boolean().default(false),
  }),
});

export type IPAMHandle = z.input<typeof schema>;

export const IPAMHandle = resource('IPAMHandle', {
  plural: 'ipamhandles',
  keepsUnknownFields: true,
  columns: [{ name: 'ID', type: 'string', jsonPath: '.spec.handleID' }],
  schema,
});

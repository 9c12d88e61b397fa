/** ClusterInformation (named `default`): which cluster this is; Calico's tools want it to exist. */
import { z } from 'zod';
import { resource, typeAndMeta } from './resource.ts';

const schema = z.looseObject({
  ...typeAndMeta('ClusterInformation'),
  spec: z
    .looseObject({
      clusterGUID: z.string().optional(),
      clusterType: z.string().optional(),
      calicoVersion: z.string().optional(),
      /** false asks every reader to wait: the data is being moved. */
      datastoreReady: z.boolean().optional(),
      variant: z.string().optional(),
    })
    .prefault({}),
});

export type ClusterInformation = z.input<typeof schema>;

export const ClusterInformation = resource('ClusterInformation', {
  plural: 'clusterinformations',
  shortNames: ['clusterinfo', 'clusterinfos'],
  keepsUnknownFields: true,
  storesDefaults: false,
  columns: [
    { name: 'Version', type: 'string', jsonPath: '.spec.calicoVersion' },
    { name: 'Ready', type: 'boolean', jsonPath: '.spec.datastoreReady' },
    { name: 'Types', type: 'string', jsonPath: '.spec.clusterType' },
  ],
  schema,
});

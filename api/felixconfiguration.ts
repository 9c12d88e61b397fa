/**
 * FelixConfiguration: settings of the kernel side (`default`, `node.<name>`). Calico has some 200
 * fields here; those that we act on are typed, all others are kept as they are.
 */
import { z } from 'zod';
import {
  address,
  duration,
  integer,
  portRange,
  programClusterRoutes,
  routePriority,
} from './fields.ts';
import { resource, typeAndMeta } from './resource.ts';

const schema = z.looseObject({
  ...typeAndMeta('FelixConfiguration'),
  spec: z
    .looseObject({
      logSeverityScreen: z.string().optional(),
      interfacePrefix: z.string().optional(),
      routeRefreshInterval: duration().optional(),
      deviceRouteProtocol: integer(0, 255).optional(),
      ipv4NormalRoutePriority: routePriority().optional(),
      ipv6NormalRoutePriority: routePriority().optional(),
      ipipMTU: integer(0, 65535).optional(),
      vxlanMTU: integer(0, 65535).optional(),
      vxlanMTUV6: integer(0, 65535).optional(),
      vxlanPort: integer(1, 65535).optional(),
      vxlanVNI: integer(1, 16_777_215).optional(),
      natPortRange: portRange().optional(),
      natOutgoingAddress: address().optional(),
      natOutgoingExclusions: z.enum(['IPPoolsOnly', 'IPPoolsAndHostIPs']).optional(),
      programClusterRoutes: programClusterRoutes.optional(),
    })
    .prefault({}),
});

export type FelixConfiguration = z.input<typeof schema>;

export const FelixConfiguration = resource('FelixConfiguration', {
  plural: 'felixconfigurations',
  shortNames: ['felixconfig', 'felixconfigs'],
  keepsUnknownFields: true,
  storesDefaults: false,
  schema,
});

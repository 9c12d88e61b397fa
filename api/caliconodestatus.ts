/** CalicoNodeStatus: a node's report of its sessions and routes, asked for by making the object. */
import { z } from 'zod';
import { integer } from './fields.ts';
import { resource, typeAndMeta } from './resource.ts';

const daemon = z.looseObject({
  state: z.enum(['Ready', 'NotReady']).optional(),
  version: z.string().optional(),
  routerID: z.string().optional(),
  lastBootTime: z.string().optional(),
  lastReconfigurationTime: z.string().optional(),
});

const peers = z
  .array(
    z.looseObject({
      peerIP: z.string().optional(),
      type: z.enum(['NodeMesh', 'NodePeer', 'GlobalPeer']).optional(),
      state: z
        .enum(['Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established', 'Close'])
        .optional(),
      since: z.string().optional(),
    }),
  )
  .optional();

const routes = z
  .array(
    z.looseObject({
      type: z.enum(['FIB', 'RIB']).optional(),
      destination: z.string().optional(),
      gateway: z.string().optional(),
      interface: z.string().optional(),
      learnedFrom: z
        .looseObject({
          sourceType: z.enum(['Kernel', 'Static', 'Direct', 'NodeMesh', 'BGPPeer']).optional(),
          peerIP: z.string().optional(),
        })
        .optional(),
    }),
  )
  .optional();

const schema = z.looseObject({
  ...typeAndMeta('CalicoNodeStatus'),
  spec: z.looseObject({
    node: z.string().max(253),
    classes: z.array(z.enum(['Agent', 'BGP', 'Routes'])).max(3),
    /** 0 stops the reports. */
    updatePeriodSeconds: integer(0, 86_400),
  }),
  status: z
    .looseObject({
      lastUpdated: z.string().nullable().optional(),
      agent: z.looseObject({ birdV4: daemon.optional(), birdV6: daemon.optional() }).optional(),
      bgp: z
        .looseObject({
          numberEstablishedV4: z.int(),
          numberNotEstablishedV4: z.int(),
          numberEstablishedV6: z.int(),
          numberNotEstablishedV6: z.int(),
          peersV4: peers,
          peersV6: peers,
        })
        .optional(),
      routes: z.looseObject({ routesV4: routes, routesV6: routes }).optional(),
    })
    .optional(),
});

export type CalicoNodeStatus = z.input<typeof schema>;

export const CalicoNodeStatus = resource('CalicoNodeStatus', {
  plural: 'caliconodestatuses',
  hasStatus: true,
  columns: [
    { name: 'Node', type: 'string', jsonPath: '.spec.node' },
    { name: 'Classes', type: 'string', jsonPath: '.spec.classes' },
    { name: 'Updated', type: 'date', jsonPath: '.status.lastUpdated' },
  ],
  schema,
});

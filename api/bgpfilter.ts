/** BGPFilter: rules that accept, reject or change routes on their way from or to a peer. */
import { z } from 'zod';
import { asNumber, community, integer, prefixOfFamily } from './fields.ts';
import { resource, typeAndMeta } from './resource.ts';
import { celIsSet, isSet, withRules } from './rules.ts';

const MAX_PRIORITY = 2147483646;
const MAX_RULES = 1000;

const operation = withRules(
  z.looseObject({
    addCommunity: z.looseObject({ value: community() }).optional(),
    prependASPath: z.looseObject({ prefix: z.array(asNumber()).min(1).max(10) }).optional(),
    setPriority: z.looseObject({ value: integer(1, MAX_PRIORITY) }).optional(),
  }),
  [
    {
      holds: (operation) =>
        [operation.addCommunity, operation.prependASPath, operation.setPriority].filter(
          (one) => one !== undefined,
        ).length === 1,
      message: 'must have exactly one of addCommunity, prependASPath and setPriority',
      cel: '[has(self.addCommunity), has(self.prependASPath), has(self.setPriority)].filter(x, x).size() == 1',
    },
  ],
);

function rule(family: 4 | 6) {
  const bits = family === 4 ? 32 : 128;
  return withRules(
    z.looseObject({
      cidr: prefixOfFamily(family).optional(),
      prefixLength: withRules(
        z.looseObject({
          min: integer(0, bits).optional(),
          max: integer(0, bits).optional(),
        }),
        [
          {
            field: 'min',
            holds: ({ min = 0, max = bits }) => min <= max,
            message: 'is above max, so that no prefix matches',
            cel: '!has(self.min) || !has(self.max) || self.min <= self.max',
          },
        ],
      ).optional(),
      source: z.enum(['RemotePeers']).optional(),
      interface: z.string().min(1).max(15).optional(),
      matchOperator: z.enum(['Equal', 'NotEqual', 'In', 'NotIn']).optional(),
      peerType: z.enum(['eBGP', 'iBGP']).optional(),
      communities: z.looseObject({ values: z.array(community()).length(1) }).optional(),
      asPathPrefix: z.array(asNumber()).max(50).optional(),
      priority: integer(1, MAX_PRIORITY).optional(),
      action: z.enum(['Accept', 'Reject']),
      operations: z.array(operation).min(1).max(10).optional(),
    }),
    [
      {
        field: 'matchOperator',
        holds: (rule) => isSet(rule.cidr) === (rule.matchOperator !== undefined),
        message: 'and cidr belong together: set both, or neither',
        cel: `${celIsSet('cidr')} == has(self.matchOperator)`,
      },
      {
        field: 'prefixLength',
        holds: (rule) => rule.prefixLength === undefined || isSet(rule.cidr),
        message: 'narrows cidr, which is not set: set cidr, or remove it',
        cel: `!has(self.prefixLength) || ${celIsSet('cidr')}`,
      },
      {
        field: 'operations',
        holds: (rule) => rule.operations === undefined || rule.action === 'Accept',
        message: 'change routes that are accepted: set action to Accept, or remove them',
        cel: "!has(self.operations) || self.action == 'Accept'",
      },
    ],
  );
}

const rulesV4 = z.array(rule(4)).max(MAX_RULES).optional();
const rulesV6 = z.array(rule(6)).max(MAX_RULES).optional();

const schema = z.looseObject({
  ...typeAndMeta('BGPFilter'),
  spec: z.looseObject({
    exportV4: rulesV4,
    importV4: rulesV4,
    exportV6: rulesV6,
    importV6: rulesV6,
  }),
});

export type BGPFilter = z.input<typeof schema>;

export const BGPFilter = resource('BGPFilter', { plural: 'bgpfilters', schema });

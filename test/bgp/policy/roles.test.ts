/** RFC 9234 §5: what a role makes of routes with and without ONLY_TO_CUSTOMER. */

import { AttributeView, encodeAttributes } from 'bgp-parser-ts';
import { roleExportRule, roleImportRule } from '../../../bgp/policy/roles.ts';
import type { Role } from '../../../bgp/role.ts';

const LOCAL = 64512;
const REMOTE = 65001;

function viewOf(onlyToCustomer: number | undefined): AttributeView {
  const bytes = encodeAttributes({
    origin: 'igp',
    asPath: [],
    ...(onlyToCustomer !== undefined && { onlyToCustomer }),
  });
  const view = new AttributeView();
  view.load(bytes, 0, bytes.length);
  return view;
}

const MARKED = (onlyToCustomer: number) => ({ onlyToCustomer });

test.each<[we: Role, marker: number | undefined, result: unknown]>([
  // "received from a Customer or an RS-Client": with it, a leak.
  ['provider', undefined, undefined],
  ['provider', 7, 'route leak: ONLY_TO_CUSTOMER of AS 7, and we are its provider'],
  ['route-server', undefined, undefined],
  ['route-server', 7, 'route leak: ONLY_TO_CUSTOMER of AS 7, and we are its route-server'],
  // "received from a Peer": with another AS's, a leak; without, it is added.
  ['peer', REMOTE, undefined],
  ['peer', 7, 'route leak: ONLY_TO_CUSTOMER of AS 7, and we are its peer'],
  ['peer', undefined, MARKED(REMOTE)],
  // "received from a Provider, a Peer, or an RS": without, it is added.
  ['customer', undefined, MARKED(REMOTE)],
  ['customer', 7, undefined],
  ['route-server-client', undefined, MARKED(REMOTE)],
  ['route-server-client', 7, undefined],
])('ingress, we are the %s, marker %s', (role, marker, result) => {
  expect(roleImportRule(role, REMOTE)(viewOf(marker))).toEqual(result);
});

test.each<[we: Role, marker: number | undefined, result: unknown]>([
  // "advertised to a Customer, a Peer, or an RS-Client": added where it is missing.
  ['provider', undefined, MARKED(LOCAL)],
  ['provider', 7, undefined],
  ['route-server', undefined, MARKED(LOCAL)],
  ['route-server', 7, undefined],
  ['peer', undefined, MARKED(LOCAL)],
  // "MUST NOT subsequently be propagated to Providers, Peers, or RSes".
  ['peer', 7, 'ONLY_TO_CUSTOMER, and we are its peer'],
  ['customer', 7, 'ONLY_TO_CUSTOMER, and we are its customer'],
  ['customer', undefined, undefined],
  ['route-server-client', 7, 'ONLY_TO_CUSTOMER, and we are its route-server-client'],
  ['route-server-client', undefined, undefined],
])('egress, we are the %s, marker %s', (role, marker, result) => {
  expect(roleExportRule(role, LOCAL)(viewOf(marker))).toEqual(result);
});

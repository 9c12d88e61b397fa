/** Policies that change routes, through a whole Routing. */

import type { PathAttributes } from 'bgp-parser-ts';
import { parsePrefix } from 'net-ipaddr';
import { type Policy, type PolicyRule, upTo } from '../../../bgp/policy/policy.ts';
import {
  attributesText,
  fromAs,
  LOCAL_AS,
  newRouting,
  nextHop,
  OWN4,
  sequence,
  settle,
  upWith,
} from './neighbor.ts';

const EBGP_A = { name: 'a', remoteAs: 65001, number: 2 };
const EBGP_B = { name: 'b', remoteAs: 65002, number: 3 };
const IBGP_C = { name: 'c', remoteAs: LOCAL_AS, number: 4 };
const P = '192.0.2.0/24';

function changing(edits: PolicyRule['edits'] & object, name = 'changes'): Policy {
  const prefixes = upTo(parsePrefix('0.0.0.0/0'));
  return { rules: [{ name, prefixes, verdict: 'accept', edits }], otherwise: 'reject' };
}

test('what import changed is what is chosen by, passed on and shown; another policy changes it back', () => {
  const routing = newRouting();
  const demoting = { importPolicy: changing({ localPref: 50, communities: [7] }) };
  const [a, b] = [upWith(routing, EBGP_A, demoting), upWith(routing, EBGP_B)];
  const c = upWith(routing, IBGP_C);
  a.announce([P], fromAs(65001));
  b.announce([P], fromAs(65002, 7, 7));
  settle(routing, a, b, c);
  const paths = () =>
    routing.route(parsePrefix(P))!.paths.map(({ peer, state, changedBy, imported }) => ({
      peer,
      state,
      changedBy,
      localPref: imported?.localPref,
    }));
  expect(paths()).toContainEqual({
    peer: a.id,
    state: 'lost',
    changedBy: ['changes'],
    localPref: 50,
  });
  expect(paths()).toContainEqual({
    peer: b.id,
    state: 'best',
    changedBy: [],
    localPref: undefined,
  });

  b.withdraw([P]);
  settle(routing, a, b, c);
  const passedOn = (more: PathAttributes) =>
    attributesText({ ...fromAs(65001), localPref: 100, ...more });
  expect(c.table.get(P)).toBe(passedOn({ localPref: 50, communities: [7] }));

  a.change({ importPolicy: 'all' });
  settle(routing, a, b, c);
  expect(c.table.get(P)).toBe(passedOn({}));
});

test('export changes are the peer’s own, and named', () => {
  const routing = newRouting();
  const marking = { exportPolicy: changing({ communities: [7], prepend: [65010] }, 'marks') };
  const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B, marking)];
  const c = upWith(routing, IBGP_C);
  a.announce([P], fromAs(65001));
  settle(routing, a, b, c);
  expect(b.table.get(P)).toBe(
    attributesText({
      origin: 'igp',
      ...sequence(LOCAL_AS, 65010, 65001),
      ...nextHop(OWN4),
      communities: [7],
    }),
  );
  expect(c.table.get(P)).toBe(attributesText({ ...fromAs(65001), localPref: 100 }));
  expect(routing.route(parsePrefix(P))!.changedFor).toEqual([{ peer: b.id, changedBy: ['marks'] }]);
});

test('sets that import made live as long as a route has them', () => {
  const routing = newRouting();
  const a = upWith(routing, EBGP_A, { importPolicy: changing({ communities: [7] }) });
  a.announce([P, '198.51.100.0/24'], fromAs(65001));
  settle(routing, a);
  expect(routing.tableSizes().attributeSets).toBe(2); // received, and imported
  a.change({ importPolicy: changing({ communities: [8] }) });
  settle(routing, a);
  expect(routing.tableSizes().attributeSets).toBe(2);
  a.withdraw([P, '198.51.100.0/24']);
  settle(routing, a);
  expect(routing.tableSizes().attributeSets).toBe(0);
});

test('RFC 4271 §4.3: a path that a policy makes too long for any message is rejected', () => {
  const routing = newRouting();
  const prepend = new Array<number>(20_000).fill(65010);
  const a = upWith(routing, EBGP_A, { importPolicy: changing({ prepend }) });
  a.announce([P], fromAs(65001));
  settle(routing, a);
  expect(routing.route(parsePrefix(P))!.paths).toMatchObject([
    { state: 'rejected', reason: 'attributes too long' },
  ]);
});

test('RFC 7705: one AS in the place of another, towards the peers that know us by it', () => {
  const routing = newRouting();
  const legacy = { localAs: 65100 };
  const [a, b] = [upWith(routing, EBGP_A), upWith(routing, EBGP_B, legacy)];
  const sameAs = upWith(routing, { name: 'd', remoteAs: 65100, number: 5 }, legacy);
  a.announce([P], fromAs(65001));
  settle(routing, a, b, sameAs);
  expect(b.table.get(P)).toBe(
    attributesText({ origin: 'igp', ...sequence(65100, 65001), ...nextHop(OWN4) }),
  );
  // RFC 7705 §4: with a peer of the local AS the session is internal.
  expect(sameAs.table.get(P)).toBe(attributesText({ ...fromAs(65001), localPref: 100 }));
});

test('Calico’s priority: LOCAL_PREF 2147483647 less it; what an operator sets himself is none', () => {
  const routing = newRouting();
  const priorities: (number | undefined)[] = [];
  routing.onRoutes((ids, count, reader) => {
    for (const id of ids.subarray(0, count)) priorities.push(reader.priority(id));
  });
  const a = upWith(routing, EBGP_A);
  a.announce([P], fromAs(65001));
  for (const localPref of [2147483547, 2 ** 30, 2 ** 30 - 1, 2147483647, 0]) {
    settle(routing, a);
    a.change({ importPolicy: changing({ localPref }) });
  }
  settle(routing, a);
  expect(priorities).toEqual([undefined, 100, 2 ** 30 - 1, undefined, undefined, undefined]);
});

test('interface: where the next hop is, of what is learned; what is originated here has none', () => {
  const routing = newRouting({
    interfaceOf: ({ bytes }) => (bytes[0] === 10 ? 'eth1' : undefined),
  });
  const prefixes = upTo(parsePrefix('0.0.0.0/0'));
  const only = (name: string): Policy => ({
    rules: [{ name, prefixes, route: { interface: name }, verdict: 'accept' }],
    otherwise: 'reject',
  });
  const [a, b] = [upWith(routing, EBGP_A, { importPolicy: only('eth*') }), upWith(routing, EBGP_B)];
  routing.originate(parsePrefix('10.1.0.0/26'), {});
  a.announce([P], { ...fromAs(65001), ...nextHop('10.0.0.7') });
  a.announce(['198.51.100.0/24'], { ...fromAs(65001), ...nextHop('192.0.2.7') });
  settle(routing, a, b);
  expect([...b.table.keys()].sort()).toEqual(['10.1.0.0/26', P]);
  b.change({ exportPolicy: only('eth?') });
  settle(routing, a, b);
  expect([...b.table.keys()]).toEqual([P]);
  b.change({ exportPolicy: only('eth0') });
  settle(routing, a, b);
  expect(b.table.size).toBe(0);
});

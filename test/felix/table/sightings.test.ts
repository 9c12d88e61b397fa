/** What a dump tells of routes, where it is torn by a write and begins again. */

import { formatAddress, parseAddress, parsePrefix } from 'net-ipaddr';
import type { Route } from 'rtnetlink-ts';
import type { Netlink } from '../../../felix/kernel.ts';
import { Entries } from '../../../felix/table/entries.ts';
import { Sightings } from '../../../felix/table/sightings.ts';

const DESTINATION = parsePrefix('10.60.1.0/26');

function route(gateway: string, protocol: number): Route {
  return {
    ...{ destination: DESTINATION, family: 4, table: 254, protocol, metric: 1024 },
    ...{ type: 'unicast', scope: 'global', linkDown: false, gateway: parseAddress(gateway) },
  };
}

test('what was told before it was torn counts for nothing', async () => {
  const torn = [route('192.0.2.2', 80), route('192.0.2.9', 4)];
  const whole = [route('192.0.2.3', 80)];
  const eachRoute: Netlink['eachRoute'] = async ({ family }, begin) => {
    for (const told of family === 4 ? [torn, whole] : []) {
      const visit = begin();
      for (const one of told) visit(one);
    }
  };
  const names = { indexOf: () => undefined, nameOf: () => undefined };
  const options = { netlink: { eachRoute }, names, protocols: new Set([80]) };
  const entries = new Entries(1);
  const sightings = new Sightings(options, entries);
  let strangers: Route[] = [];
  const begin = () => {
    strangers = [];
  };
  await sightings.read([{ begin, see: (one) => strangers.push(one) }]);
  const entry = entries.find(DESTINATION)!;
  sightings.believe(entry);
  expect(entry.ours.map(({ gateway }) => formatAddress(gateway!))).toEqual(['192.0.2.3']);
  expect(entry.stranger).toBeUndefined();
  expect(strangers).toEqual([]);
});

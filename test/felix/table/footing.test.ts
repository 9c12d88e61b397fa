/** A block that goes over to a tunnel whose gateway lies in it, in the real kernel. Needs root. */

import { parseAddress, parsePrefix } from 'net-ipaddr';
import { type Kernel, openKernel } from '../../../felix/kernel.ts';
import { type RouteWrite, withFootings } from '../../../felix/table/footing.ts';
import { RouteWriter } from '../../../felix/table/route-writer.ts';
import { TestNamespace } from '../namespace.ts';

let namespace: TestNamespace;
let kernel: Kernel;

beforeEach(async () => {
  namespace = await TestNamespace.make();
  for (const command of [
    ...['link add eth0 type veth peer name eth0p', 'link set eth0p up', 'link set eth0 up'],
    'addr add 2001:db8::1/64 dev eth0 nodad',
    ...['link add tunnel type vxlan id 7 dstport 4789', 'link set tunnel up'],
    'route add fd60::40/122 via 2001:db8::2 proto 80 metric 1024',
  ])
    await namespace.ip(command);
  kernel = openKernel(namespace.path);
});

afterEach(() => {
  kernel.host.close();
  namespace.end();
});

function write(...writes: RouteWrite[]) {
  return new RouteWriter({ netlink: kernel.host, onSurprise() {} }).write(writes);
}

function byTunnel(prefix: string) {
  const oif = kernel.host.link('tunnel')!.index;
  const gateway = parseAddress('fd60::41');
  const common = { protocol: 80, metric: 1024, onlink: true };
  return { ...common, destination: parsePrefix(prefix), gateway, oif };
}

test('IPv6: the kernel takes the new route at once, and nothing else stays', async () => {
  const route = byTunnel('fd60::40/122');
  expect(kernel.host.batch([{ action: 'replace', route }])[0]).toMatchObject({ code: 'EINVAL' });
  expect(write({ action: 'replace', route })).toEqual([undefined]);
  expect(await namespace.routes(/fd60/)).toEqual([
    'fd60::40/122 via fd60::41 dev tunnel proto 80 metric 1024 onlink',
  ]);
});

test('each result is that of its own write', async () => {
  const [borrowed, taken] = [byTunnel('fd60::41/128'), byTunnel('fd60::40/122')];
  const results = write(
    { action: 'replace', route: byTunnel('fd60::40/122') },
    { action: 'add', route: borrowed },
    { action: 'add', route: taken },
    { action: 'delete', route: borrowed },
  );
  expect(results.map((error) => error?.code)).toEqual([undefined, undefined, 'EEXIST', undefined]);
});

test('a removal needs none', () => {
  const removal = { action: 'delete', route: byTunnel('fd60::40/122') } as const;
  expect(withFootings([removal])).toEqual({ operations: [removal], places: [0] });
});

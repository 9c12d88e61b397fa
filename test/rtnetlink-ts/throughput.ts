/**
 * How fast routes go in and come back, on this machine and now: figures to look at, not to assert.
 * Run it in a namespace of its own, as throughput.test.ts does: `unshare --net node throughput.ts`.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseAddress } from 'net-ipaddr';
import { openNetlink, type RouteSpec } from 'rtnetlink-ts';

const ROUTES = Number(process.argv[2] ?? 10_000);

const netlink = openNetlink();
netlink.change(
  { action: 'change', link: { name: 'lo', up: true } },
  { action: 'add', link: { name: 'a', up: true, kind: { kind: 'veth', peer: { name: 'b' } } } },
  { action: 'change', link: { name: 'b', up: true } },
);
const link = netlink.link('a')!.index;
netlink.change({ action: 'add', address: { link, address: parseAddress('10.0.0.1'), length: 24 } });

const bytes = new Uint8Array(4);
const route: RouteSpec = {
  destination: { address: { family: 4, bytes }, length: 26 },
  gateway: parseAddress('10.0.0.2'),
  oif: link,
  protocol: 80,
};

function* all(action: 'add' | 'delete') {
  const operation = { action, route };
  for (let i = 0; i < ROUTES; i++) {
    const network = 0x0b000000 + i * 64;
    bytes[0] = network >>> 24;
    bytes[1] = network >>> 16;
    bytes[2] = network >>> 8;
    bytes[3] = network;
    yield operation;
  }
}

function print(what: string, startMs: number, failures: number): void {
  const rate = Math.round((ROUTES / (performance.now() - startMs)) * 1000);
  console.log(`${what} ${rate}/s, ${failures} failed`);
}

let start = performance.now();
print('add', start, netlink.batch(all('add')).filter(Boolean).length);

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
start = performance.now();
const read = (await netlink.routes({ protocol: 80 })).length;
print('dump', start, ROUTES - read);
delay.disable();
console.log(`longest turn of the loop meanwhile ${(delay.max / 1e6).toFixed(1)} ms`);

start = performance.now();
print('delete', start, netlink.batch(all('delete')).filter(Boolean).length);
netlink.close();

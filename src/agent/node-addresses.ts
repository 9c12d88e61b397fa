/** Waits for the addresses that the configuration asks for: at boot an agent may be up before its network is. */
import { formatAddress } from 'net-ipaddr';
import type { Rtnetlink } from 'rtnetlink-ts';
import type { Clock, Log } from '../../ports.ts';
import { chooseNodeAddress, type InterfaceAddress } from './addresses.ts';
import type { AgentConfig } from './config.ts';

export interface NodeAddresses {
  ipv4: InterfaceAddress | undefined;
  ipv6: InterfaceAddress | undefined;
}

const POLL_MS = 100;
/** After so long the wait is worth a line in the log, and another one each time it doubles. */
const FIRST_WORD_MS = 2_000;

export async function waitForNodeAddresses(
  kernel: Pick<Rtnetlink, 'links' | 'addresses'>,
  config: AgentConfig,
  clock: Clock,
  log: Log,
): Promise<NodeAddresses> {
  const startedAt = clock.monotonic();
  let nextWordMs = FIRST_WORD_MS;
  for (;;) {
    const present = await readAddresses(kernel);
    const ipv4 = chooseNodeAddress(4, config, present);
    const ipv6 = chooseNodeAddress(6, config, present);
    const missing = [
      ...(config.ipv4 !== 'none' && !ipv4 ? ['IPv4'] : []),
      ...(config.ipv6 !== 'none' && !ipv6 ? ['IPv6'] : []),
    ];
    if (missing.length === 0) return { ipv4, ipv6 };
    if (clock.monotonic() - startedAt > nextWordMs) {
      nextWordMs *= 2;
      log.warn(
        {
          missing,
          autodetection: config.autodetection,
          autodetection6: config.autodetection6,
          present: present.map((one) => `${one.interface} ${formatAddress(one.address)}`),
        },
        'waiting for the node’s address: none of those present is it; see --ipv4, --ipv6, --autodetection and --autodetection6',
      );
    }
    await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
  }
}

/** Of the interfaces that have the node's addresses. */
export function underlayMtu(
  kernel: Pick<Rtnetlink, 'link'>,
  { ipv4, ipv6 }: NodeAddresses,
): number {
  const mtus = [ipv4, ipv6]
    .filter((one) => one !== undefined)
    .map((one) => kernel.link(one.interface)?.mtu ?? 1500);
  return Math.min(...mtus);
}

async function readAddresses(
  kernel: Pick<Rtnetlink, 'links' | 'addresses'>,
): Promise<InterfaceAddress[]> {
  const [links, addresses] = [await kernel.links(), await kernel.addresses()];
  const names = new Map(links.map((link) => [link.index, link.name]));
  return (
    addresses
      // A tentative address may turn out to be another host's, and nothing can be sent from it.
      .filter((entry) => !entry.tentative && !entry.dadFailed)
      .sort((a, b) => a.link - b.link)
      .map((entry) => ({
        interface: names.get(entry.link) ?? '',
        address: entry.address,
        length: entry.length,
      }))
  );
}

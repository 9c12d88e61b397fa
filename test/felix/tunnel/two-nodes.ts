/** Two nodes' felix in namespaces of their own, a bridge between them, and a pod on each. Needs root. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAddress, parseInterfaceAddress, parsePrefix } from 'net-ipaddr';
import { Felix, type OverlayInput, type OverlayNode } from '../../../felix/felix.ts';
import { type Kernel, openKernel } from '../../../felix/kernel.ts';
import type { TunnelKind } from '../../../felix/ours.ts';
import { eventually, TestNamespace } from '../namespace.ts';
import { realClock, TestLog } from '../ports.ts';

/** A node with its kernel and felix. */
export interface TestNode {
  readonly namespace: TestNamespace;
  readonly kernel: Kernel;
  readonly felix: Felix;
  readonly log: TestLog;
}

const NAMES = ['one', 'two'];
export const MACS = ['66:00:00:00:00:01', '66:00:00:00:00:02'];
/** Of the second node's pod: over IPv6 the first of its block, which the kernel may take for an anycast address. */
export const [ADDRESS4, ADDRESS6] = ['10.60.1.9', 'fd60:1::'];

export class TwoNodes {
  readonly nodes: TestNode[] = [];
  readonly pods: readonly TestNamespace[];
  readonly #fabric: TestNamespace;
  readonly #tunnel: TunnelKind;
  readonly #stateDir: string;

  private constructor(
    tunnel: TunnelKind,
    fabric: TestNamespace,
    pods: readonly TestNamespace[],
    stateDir: string,
  ) {
    this.#tunnel = tunnel;
    this.#fabric = fabric;
    this.pods = pods;
    this.#stateDir = stateDir;
  }

  /** @param tunnel of both pools, always. */
  static async start(tunnel: TunnelKind, podMtu: number): Promise<TwoNodes> {
    const fabric = await TestNamespace.make();
    await fabric.ip('link add br0 type bridge');
    await fabric.ip('link set br0 up');
    const pods = [await TestNamespace.make(), await TestNamespace.make()];
    const stage = new TwoNodes(tunnel, fabric, pods, await mkdtemp(join(tmpdir(), 'felix-')));
    for (const index of [0, 1]) await stage.#startNode(index);
    for (const [index, { felix }] of stage.nodes.entries()) {
      felix.setOverlay(stage.overlay(index));
      felix.setLocalBlocks(blocksOf(index).map(parsePrefix));
      felix.setDatastoreInSync();
      await felix.addEndpoint({
        containerID: `c${index}`,
        ifname: 'eth0',
        netns: pods[index]!.path,
        namespace: 'default',
        pod: `pod${index}`,
        addresses: [`10.60.${index}.9`, `fd60:${index}::`].map(parseAddress),
        mtu: podMtu,
        network: 'k8s',
        handleId: `k8s.c${index}`,
      });
    }
    return stage;
  }

  /** As the node of this index sees it. */
  overlay(index: number, change: Partial<OverlayInput> = {}): OverlayInput {
    const tunnel = this.#tunnel;
    return {
      self: NAMES[index]!,
      nodes: [0, 1].map(overlayNode),
      pools: ['10.60.0.0/16', 'fd60::/16'].map((name) => ({
        ...{ name, prefix: parsePrefix(name), routesFrom: 'datastore' },
        ...{ tunnel, mode: 'always' },
      })),
      placements: NAMES.flatMap((node, other) =>
        blocksOf(other).map((prefix) => ({ prefix: parsePrefix(prefix), node })),
      ),
      settings: { vxlan: { vni: 4096, port: 4789, mtu: {} }, ipip: { mtu: undefined } },
      ...change,
    };
  }

  /** Another felix in place of that node's, which ends; the new one knows all that the datastore tells. */
  async restart(index: number, kernel = this.nodes[index]!.kernel): Promise<Felix> {
    const node = this.nodes[index]!;
    await node.felix.close();
    const felix = this.#newFelix(index, kernel, node.log);
    this.nodes[index] = { ...node, felix };
    await felix.start();
    felix.setLocalBlocks(blocksOf(index).map(parsePrefix));
    felix.setOverlay(this.overlay(index));
    felix.setDatastoreInSync();
    await eventually(() => felix.inspect().inSync);
    return felix;
  }

  /** What felix keeps of that node between its runs. */
  stateDirOf(index: number): string {
    return join(this.#stateDir, NAMES[index]!);
  }

  /** From one pod to the other, over both families. */
  async podsReachEachOther(): Promise<void> {
    const answers = async (address: string) => {
      const ping = this.pods[0]!.run(`ping -n -c 1 -W 1 ${address}`);
      return ping.then(
        () => true,
        () => false,
      );
    };
    await eventually(
      async () => (await answers(ADDRESS4)) && (await answers(ADDRESS6)),
      () => Promise.all(this.nodes.map(stateOf)),
    );
  }

  async end(): Promise<void> {
    for (const { felix, kernel, namespace } of this.nodes) {
      await felix.close();
      kernel.host.close();
      namespace.end();
    }
    for (const namespace of [...this.pods, this.#fabric]) namespace.end();
    await rm(this.#stateDir, { recursive: true });
  }

  async #startNode(index: number): Promise<void> {
    const namespace = await TestNamespace.make();
    const port = `port${index}`;
    await this.#fabric.ip(`link add ${port} type veth peer name eth0 netns ${pidOf(namespace)}`);
    await this.#fabric.ip(`link set ${port} master br0 up`);
    await namespace.ip('link set eth0 up');
    await namespace.ip(`addr add 192.0.2.${index + 1}/24 dev eth0`);
    await namespace.ip(`addr add 2001:db8::${index + 1}/64 dev eth0 nodad`);
    const kernel = openKernel(namespace.path);
    const log = new TestLog();
    const felix = this.#newFelix(index, kernel, log);
    this.nodes.push({ namespace, kernel, felix, log });
    await felix.start();
  }

  #newFelix(index: number, kernel: Kernel, log: TestLog): Felix {
    const stateDir = this.stateDirOf(index);
    return new Felix({ kernel, log, clock: realClock, random: Math.random, stateDir });
  }
}

/** To be told where it is not what a test expects. */
async function stateOf({ namespace, felix }: TestNode): Promise<unknown> {
  const addresses = (await namespace.ip('-br addr')).split('\n');
  return { addresses, routes: await namespace.routes(), felix: felix.inspect() };
}

function blocksOf(index: number): string[] {
  return [`10.60.${index}.0/26`, `fd60:${index}::/122`];
}

export function overlayNode(index: number): OverlayNode {
  const mac = MACS[index]!;
  const [address4, address6] = [`10.60.${index}.1`, `fd60:${index}::1`].map(parseAddress);
  return {
    name: NAMES[index]!,
    underlay: {
      4: parseInterfaceAddress(`192.0.2.${index + 1}/24`),
      6: parseInterfaceAddress(`2001:db8::${index + 1}/64`),
    },
    vteps: { 4: { address: address4, mac }, 6: { address: address6, mac } },
    ipipAddress: undefined,
    udpAddresses: { 4: address4!, 6: address6! },
    ...{ receives: undefined, sends: [] },
  };
}

function pidOf(namespace: TestNamespace): string {
  return namespace.path.split('/')[2]!;
}

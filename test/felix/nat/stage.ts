/** A node with two pods, and a host that knows no way back to pods: it answers the node only. Needs root. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePrefix } from 'net-ipaddr';
import { Felix } from '../../../felix/felix.ts';
import { type Kernel, openKernel } from '../../../felix/kernel.ts';
import { TestNamespace } from '../namespace.ts';
import { pod } from '../pod.ts';
import { realClock, type TestLog } from '../ports.ts';

export const POOLS = ['10.60.0.0/16', 'fd60::/48'].map(parsePrefix);
export const OUTGOING = { pools: POOLS, outgoing: POOLS, exclusions: [] };

export interface NatStage {
  /** 192.0.2.1 and 2001:db8::1. */
  readonly host: TestNamespace;
  /** 192.0.2.9 and 2001:db8::9. */
  readonly outside: TestNamespace;
  /** 10.60.0.1 and fd60::1. */
  readonly a: TestNamespace;
  /** 10.60.0.2 and fd60::2. */
  readonly b: TestNamespace;
  readonly kernel: Kernel;
  readonly stateDir: string;
  newFelix(kernel: Kernel, log: TestLog): Felix;
  /** Started, with both pods wired. */
  run(felix: Felix): Promise<void>;
  end(): Promise<void>;
}

export async function startNatStage(): Promise<NatStage> {
  const namespaces = await Promise.all(Array.from({ length: 4 }, () => TestNamespace.make()));
  const [host, outside, a, b] = namespaces as [
    TestNamespace,
    TestNamespace,
    TestNamespace,
    TestNamespace,
  ];
  const stateDir = await mkdtemp(join(tmpdir(), 'felix-'));
  const kernel = openKernel(host.path);
  await host.ip(`link add eth0 type veth peer name eth0 netns ${outside.path.split('/')[2]}`);
  for (const [netns, end] of [
    [host, 1],
    [outside, 9],
  ] as const) {
    await netns.ip('link set eth0 up');
    await netns.ip(`addr add 192.0.2.${end}/24 dev eth0`);
    await netns.ip(`addr add 2001:db8::${end}/64 dev eth0 nodad`);
  }
  return {
    ...{ host, outside, a, b, kernel, stateDir },
    newFelix: (its, log) =>
      new Felix({ kernel: its, clock: realClock, random: Math.random, log, stateDir }),
    async run(felix) {
      await felix.start();
      felix.setNat(OUTGOING);
      felix.setDatastoreInSync();
      await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd60::1'));
      await felix.addEndpoint(pod('b', b, '10.60.0.2', 'fd60::2'));
    },
    async end() {
      kernel.host.close();
      for (const netns of namespaces) netns.end();
      await rm(stateDir, { recursive: true });
    },
  };
}

/** Runs inside User-Mode Linux: IPIP between the nodes of two subnets, from and to all other ways. Tells facts; ipip.test.ts looks at them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { buildCniPlugin } from '../../src/cni/build.ts';
import { Lab } from '../../src/lab/lab.ts';
import { cni, type LabPod, startPod } from '../../src/lab/pods.ts';
import { agentStatuses, agentsConverged } from '../../src/lab/show.ts';
import { ipRoutes } from '../ip-routes.ts';
import { IPV4_POOL, setPoolModes } from '../lab/pool-modes.ts';
import { transfersDuring } from '../lab/transfer.ts';
import { tellFact } from './boot.ts';

const NODES = ['node1', 'node2', 'node3'];
/** A route to another node's block, and its device. */
const TO_BLOCK = /^\d\S+\/26 (?:via \S+ )?dev (\S+)/;
const SWITCH_DEADLINE_MS = 40_000;
/** To start a program takes a good part of this kernel's one CPU. */
const POLL_MS = 1_000;

const started = performance.now();
const seconds = () => Math.round((performance.now() - started) / 1000);
const step = (text: string) => console.log(`${seconds()} s  ${text}`);

const plugin = buildCniPlugin();
const lab = await Lab.start({
  topologyFile: fileURLToPath(new URL('../../deploy/containerlab/vxlan.clab.yml', import.meta.url)),
  environment: {},
  onStep: step,
});
try {
  await agentsConverged(lab, NODES, step);
  const pods: LabPod[] = [];
  for (const node of NODES) pods.push(await startPod(lab, plugin, node, `${node}-pod`));
  step('pods are wired');
  await run(pods);
} finally {
  await lab.close();
}

async function run(pods: readonly LabPod[]): Promise<void> {
  const [pod1, pod2, pod3] = pods as [LabPod, LabPod, LabPod];
  const [status] = await agentStatuses(lab, ['node1']);
  tellFact('problems', status!.problems);
  tellFact('CHECK', await cni(lab, plugin, 'CHECK', pod1));
  await routesAre('vxlan.calico', 'eth1', 'vxlan.calico');

  const routes = [pod2, pod3].map((to) => ({ from: pod1, to, address: to.addresses[0]! }));
  const transfers = await transfersDuring(lab, routes, async () => {
    await setPoolModes(lab, { ipipMode: 'Always' }, [IPV4_POOL]);
    await routesAre('IPIP Always', 'tunl0', 'tunl0');
    tellFact('tunl0', await lab.mustRun('node1', ['ip', '-d', 'addr', 'show', 'dev', 'tunl0']));
    await setPoolModes(lab, { udpMode: 'CrossSubnet' }, [IPV4_POOL]);
    await routesAre('UDP CrossSubnet', 'eth1', 'udp.tortie');
    tellFact('tunl0 unused', await untilUnused());
    await setPoolModes(lab, { ipipMode: 'CrossSubnet' }, [IPV4_POOL]);
    await routesAre('IPIP CrossSubnet', 'eth1', 'tunl0');
    await setPoolModes(lab, { vxlanMode: 'Always' }, [IPV4_POOL]);
    await routesAre('VXLAN Always', 'vxlan.calico', 'vxlan.calico');
  });
  tellFact('transfers', transfers);

  const netem = ['tc', 'qdisc', 'add', 'dev', 'eth1', 'root', 'netem'];
  await lab.mustRun('node1', [...netem, 'delay', '40ms', 'loss', '2%']);
  const inPod = ['ip', 'netns', 'exec', pod1.name];
  const ping = ['ping', '-n', '-q', '-i', '0.2', '-c', '10', '-W', '5', pod3.addresses[0]!];
  const lossy = await transfersDuring(lab, [routes[1]!], async () => {
    tellFact('ping', (await lab.run('node1', [...inPod, ...ping])).stdout);
  });
  tellFact('transfer with loss', lossy);
  tellFact('seconds', seconds());
}

/** Waits until node1 reaches the blocks of node2 and node3 by these devices, and tells how it stands. */
async function routesAre(name: string, toNode2: string, toNode3: string): Promise<void> {
  const deadline = performance.now() + SWITCH_DEADLINE_MS;
  let routes: string[];
  do {
    const shown = await lab.mustRun('node1', ['ip', 'route', 'show', 'proto', '80']);
    routes = ipRoutes(shown).filter((line) => TO_BLOCK.test(line));
  } while (
    !areBy(routes, toNode2, toNode3) &&
    performance.now() < deadline &&
    (await sleep(POLL_MS, true))
  );
  tellFact(name, routes);
  step(name);
}

function areBy(routes: readonly string[], toNode2: string, toNode3: string): boolean {
  const devices = routes.map((line) => TO_BLOCK.exec(line)![1]);
  return devices.sort().join() === [toNode2, toNode3].sort().join();
}

/** tunl0 of node1 once nobody sends by it any more. */
async function untilUnused(): Promise<string> {
  const deadline = performance.now() + SWITCH_DEADLINE_MS;
  for (;;) {
    const shown = await lab.mustRun('node1', ['ip', 'addr', 'show', 'dev', 'tunl0']);
    if (/[<,]UP[,>]/.test(shown) && performance.now() < deadline) await sleep(POLL_MS);
    else return shown;
  }
}

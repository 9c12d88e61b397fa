/** A node that joins a cluster: from the API server's lists to what felix does of them, as the agent does it. */
import { setImmediate } from 'node:timers/promises';
import { type IPAMBlock, type IPPool, type Node, parseJson } from '../../api/index.ts';
import { configureFelix } from '../../src/agent/configure-felix.ts';
import { readBgpSettings, readNodes } from '../../src/agent/derive/cluster.ts';
import { placementsOf } from '../../src/agent/derive/placements.ts';
import { BLOCKS_A_NODE, blocksOf, listCluster, NODES, nodeAddress, SELF } from './cluster.ts';
import { startFelix } from './felix.ts';
import { obey } from './orders.ts';

const [, , modes, stateDir] = process.argv;
const lists = listCluster(JSON.parse(modes!));
const isByBgp = modes === '{}';
const felix = await startFelix(stateDir!);

obey({
  async join() {
    const [nodes, blocks, pools] = [
      await read<Node>(lists.nodes),
      await read<IPAMBlock>(lists.blocks),
      await read<IPPool>(lists.pools),
    ];
    const problems: string[] = [];
    const settings = readBgpSettings([], SELF, problems);
    configureFelix(
      felix,
      {
        nodeName: SELF,
        nodes: readNodes(nodes, settings.asNumber, problems),
        pools,
        placements: blocks.flatMap(placementsOf),
        blocks: blocksOf(0),
        felixConfigurations: [],
        settings,
      },
      problems,
    );
    felix.setDatastoreInSync();
    if (isByBgp) await learn();
    felix.setLearnedInSync();
    for (const problem of problems) console.error(problem);
  },
  /** What is missing or wrong, in the end. */
  faults() {
    const { failed, refused, routes, unreachable } = felix.inspect();
    const missing = NODES * BLOCKS_A_NODE - routes.desired;
    return [...failed, ...refused, ...unreachable, ...(missing ? [`${missing} routes`] : [])];
  },
});

/** A page a turn of the event loop, as they come. */
async function read<T>(pages: readonly string[]): Promise<T[]> {
  const all: T[] = [];
  for (const page of pages) {
    all.push(...(parseJson(page) as { items: T[] }).items);
    await setImmediate();
  }
  return all;
}

/** Each node's speaker announces its blocks. */
async function learn(): Promise<void> {
  for (let index = 1; index < NODES; index++) {
    const nextHops = [nodeAddress(index)];
    felix.updateLearned(blocksOf(index).map((prefix) => ({ prefix, nextHops, metric: 1024 })));
    await setImmediate();
  }
}

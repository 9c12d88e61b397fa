/**
 * IPIP between nodes of two subnets, in a kernel that has it: the lab of vxlan.clab.yml inside User-Mode Linux, from
 * VXLAN CrossSubnet to IPIP Always, UDP and IPIP CrossSubnet, and VXLAN Always, under TCP transfers. With the nodes of
 * one subnet and those of two it goes so from each other way to IPIP, and from IPIP to each. Needs root.
 */
import { fileURLToPath } from 'node:url';
import { openNetlink } from 'rtnetlink-ts';
import { buildForwarder } from '../../felix/tunnel/udp/build.ts';
import { buildCniPlugin } from '../../src/cni/build.ts';
import type { Transfer } from '../lab/transfer.ts';
import { missingForUml, runInUml } from './boot.ts';

const SCENARIO = fileURLToPath(new URL('./ipip-scenario.ts', import.meta.url));
/** It takes less than four minutes; more where other suites leave it less than a CPU. */
const DEADLINE_MS = 400_000;

const missing = missingForUml();
if (missing !== undefined) test.skip(`IPIP in User-Mode Linux: ${missing}`, () => {});
else describe('IPIP in User-Mode Linux', inUml);

function inUml(): void {
  let facts: Map<string, unknown>;

  beforeAll(async () => {
    // What is compiled on first use: inside nothing can be written beside the sources.
    buildCniPlugin();
    await buildForwarder();
    openNetlink().close();
    const done = await runInUml(SCENARIO, DEADLINE_MS);
    facts = done.facts;
    if (!facts.has('seconds')) throw new Error(`the scenario did not end:\n${done.console}`);
  }, DEADLINE_MS + 10_000);

  const [block, ipip, direct] = [
    String.raw`10\.244\.\d+\.\d+/26`,
    (node: string) => `via ${node} dev tunl0 (proto 80 )?metric 1024 onlink`,
    (node: string) => `via ${node} dev eth1 (proto 80 )?metric 1024`,
  ];

  test.each<[name: string, then: string[]]>([
    ['IPIP Always', [ipip('10.31.1.2'), ipip('10.31.2.1')]],
    ['UDP CrossSubnet', [direct('10.31.1.2'), 'dev udp.tortie']],
    ['IPIP CrossSubnet', [direct('10.31.1.2'), ipip('10.31.2.1')]],
    ['VXLAN Always', ['dev vxlan.calico', 'dev vxlan.calico']],
  ])('%s: the routes to the other nodes’ blocks', (name, then) => {
    const routes = facts.get(name) as string[];
    expect(routes).toHaveLength(2);
    for (const way of then)
      expect(routes).toContainEqual(expect.stringMatching(new RegExp(`^${block} .*${way}`)));
  });

  test('tunl0 has the tunnel’s address alone and the underlay’s MTU less 20', () => {
    expect(facts.get('tunl0')).toMatch(/<NOARP,UP,LOWER_UP> mtu 1480 .*\blink\/ipip 0\.0\.0\.0/s);
    expect((facts.get('tunl0') as string).match(/inet \S+/g)).toEqual([
      expect.stringMatching(/^inet 10\.244\.\d+\.\d+\/32$/),
    ]);
  });

  test('when no pool needs it and nobody sends by it, tunl0 stays, down and bare', () => {
    expect(facts.get('tunl0 unused')).toMatch(/: tunl0@NONE: <NOARP> mtu 1480 .*\bstate DOWN/);
    expect(facts.get('tunl0 unused')).not.toContain('inet');
  });

  test('TCP between pods lives on through all of it, no second without data', () => {
    const transfers = facts.get('transfers') as Transfer[];
    expect(transfers).toHaveLength(2);
    for (const { name, isWhole, stallMs } of transfers)
      expect({ name, isWhole, hasStalled: stallMs > 1000 }).toEqual({
        ...{ name, isWhole: true, hasStalled: false },
      });
  });

  test('over a link with delay and loss: the delay is felt, and TCP loses nothing', () => {
    const [, least] = /rtt min\/avg\/max\/mdev = ([\d.]+)/.exec(facts.get('ping') as string) ?? [];
    expect(Number(least)).toBeGreaterThanOrEqual(40);
    expect(facts.get('transfer with loss')).toMatchObject([{ isWhole: true }]);
  });

  test('a pod is wired in a kernel that puts a tunl0 into every namespace', () => {
    expect(facts.get('CHECK')).toBe('');
  });

  test('a kernel without nftables for IP: said with what it needs, and all else works', () => {
    expect(facts.get('problems')).toContainEqual(
      expect.stringMatching(/^nftables: .*this needs a kernel with nftables for IP \(modules /),
    );
  });
}

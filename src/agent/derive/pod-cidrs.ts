/** Where the addresses of pods are when each node gives those of its Node's spec.podCIDRs. Pure. */
import { parsePrefix } from 'net-ipaddr';
import type { Node } from '../../../api/index.ts';
import type { Placement } from '../../../felix/felix.ts';

/** @param problems gets a sentence for each that is no prefix. */
export function podCidrPlacements(nodes: readonly Node[], problems: string[]): Placement[] {
  return nodes.flatMap(({ metadata: { name: node }, spec }) => {
    const texts = spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);
    return texts.flatMap((text) => {
      try {
        return { prefix: parsePrefix(text), node };
      } catch (error) {
        problems.push(`Node "${node}": spec.podCIDRs: ${(error as Error).message}`);
        return [];
      }
    });
  });
}

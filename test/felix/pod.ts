/** What the CNI server would ask of Felix. */

import { parseAddress } from 'net-ipaddr';
import type { EndpointRequest } from '../../felix/felix.ts';
import type { TestNamespace } from './namespace.ts';

export function pod(name: string, netns: TestNamespace, ...addresses: string[]): EndpointRequest {
  return {
    containerID: `c-${name}`,
    ifname: 'eth0',
    netns: netns.path,
    namespace: 'default',
    pod: name,
    addresses: addresses.map(parseAddress),
    mtu: 1450,
    network: 'k8s',
    handleId: `k8s.c-${name}`,
  };
}

/** A pod's interface: what the CNI server asks for, what felix keeps of it. */

import type { Address, Prefix } from 'net-ipaddr';

/** Which interface of which sandbox: the key that CNI gives an attachment. */
export interface EndpointRef {
  containerID: string;
  /** The interface's name in the pod: `eth0`. */
  ifname: string;
}

export interface EndpointRequest extends EndpointRef {
  /** A path that opens the pod's network namespace; `/proc/self/fd/N` will do. */
  netns: string;
  /** The Kubernetes namespace and name of the pod, of which the host interface's name is made. */
  namespace: string;
  pod: string;
  /** At least one; each becomes a /32 or /128 on the pod's side. */
  addresses: readonly Address[];
  /** Sources that the pod may send from besides its addresses. @default none */
  allowedSourcePrefixes?: readonly Prefix[];
  /** MAC address of the pod's end, in lower case. @default the kernel's choice */
  mac?: string;
  mtu: number;
  /** The network's conf says it: it does not follow what the underlay carries. @default false */
  isMtuFixed?: boolean;
  /** The namespace's path as the runtime has it, by which it is found again. */
  sandbox?: string;
  /** Name of the CNI network. */
  network: string;
  /** IPAM's handle of these addresses. */
  handleId: string;
}

/** A wired pod. What the endpoint file holds, and the answer to an ADD. */
export interface Endpoint extends EndpointRef {
  /** The veth's end in the node's namespace. */
  hostInterface: string;
  /** MAC address of the pod's end. */
  mac: string;
  namespace: string;
  pod: string;
  addresses: readonly Address[];
  allowedSourcePrefixes?: readonly Prefix[];
  mtu: number;
  isMtuFixed?: boolean;
  sandbox?: string;
  network: string;
  handleId: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

/** Every host end has this one: pods send to a gateway that is always the same. */
export const HOST_MAC = 'ee:ee:ee:ee:ee:ee';

/** Why an endpoint cannot be added, where it is not the kernel or the disk that says so. */
export class EndpointError extends Error {
  override readonly name = 'EndpointError';
  /**
   * - EINVAL: the request makes no sense;
   * - EAGAIN: not in sync yet: ask again later;
   * - EEXIST: something that is not ours is in the way.
   */
  readonly code: 'EINVAL' | 'EAGAIN' | 'EEXIST';

  constructor(code: 'EINVAL' | 'EAGAIN' | 'EEXIST', message: string) {
    super(message);
    this.code = code;
  }
}

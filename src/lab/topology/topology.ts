/**
 * A topology as the lab builds it: the file's defaults, kinds and groups are already folded into each node,
 * and every link has two ends.
 */
export interface Topology {
  name: string;
  management: Management;
  nodes: LabNode[];
  links: Link[];
}

export interface Management {
  /** The bridge that every node's eth0 is attached to. */
  network: string;
  ipv4Subnet: string;
  ipv6Subnet: string;
  mtu: number;
}

export interface LabNode {
  name: string;
  kind: 'linux' | 'bridge' | 'host';
  /** Without registry and tag kept as written; `programs.ts` knows what it stands for here. */
  image: string | undefined;
  entrypoint: string[] | undefined;
  cmd: string[];
  env: Record<string, string>;
  /** `source:target[:ro]`, the source as written in the file. */
  binds: string[];
  /** Commands run in the node once it is wired and its program has been started, in order. */
  exec: string[][];
  /** `none`: no eth0. `host`: the namespace that holds the bridges, in place of one of its own. */
  networkMode: 'bridge' | 'none' | 'host';
  mgmtIpv4: string | undefined;
  mgmtIpv6: string | undefined;
  labels: Record<string, string>;
  sysctls: Record<string, string>;
  startupDelaySeconds: number;
}

export interface LinkEnd {
  /** A node's name, or `host`: the namespace that holds the bridges, or `mgmt-net`: the management bridge. */
  node: string;
  interface: string;
  mac?: string | undefined;
}

export interface Link {
  ends: [LinkEnd, LinkEnd];
  mtu: number;
}

/** How many pods the lab starts on this node. */
export const PODS_LABEL = 'tortie/pods';

export class TopologyError extends Error {}

/** The node's kernel: pods' interfaces and routes, learned routes, blackholes for local blocks. */

import type { Address, Prefix } from 'net-ipaddr';
import type { Clock, Log, Random } from '../ports.ts';
import type { Endpoint, EndpointRef, EndpointRequest } from './endpoint/endpoint.ts';

/** An address of this node that IPAM has given out. */
export interface Allocation {
  address: Address;
  handleId: string;
  /** The pod it is for, where the allocation's attributes name one. */
  namespace?: string;
  pod?: string;
}

/** A route that BGP chose. Several next hops are an ECMP route; none means that the route is gone. */
export interface LearnedChange {
  prefix: Prefix;
  nextHops: readonly Address[];
}

export interface FelixOptions {
  kernel: unknown;
  clock: Clock;
  random: Random;
  log: Log;
  /** A folder of our own; the endpoint files live in `endpoints` below it. */
  stateDir: string;
}

/** One thing that felix will not touch or cannot do, with its reason. */
export interface Report {
  subject: string;
  reason: string;
}

export interface FelixState {
  refused: Report[];
  inDoubt: Report[];
  failed: Report[];
}

export class Felix {
  constructor(_options: FelixOptions) {}
  async start(): Promise<void> {}
  /** The addresses of every node, this one's too. */
  setNodeAddresses(_addresses: Iterable<Address>): void {}
  /** The blocks with affinity to this node, all of them each time. */
  setLocalBlocks(_blocks: Iterable<Prefix>): void {}
  /** What IPAM has given out of this node's blocks, all of it each time: only compared and reported. */
  setAllocations(_allocations: Iterable<Allocation>): void {}
  setDatastoreInSync(): void {}
  updateLearned(_changes: Iterable<LearnedChange>): void {}
  /** BGP has converged: remote routes that the kernel kept from before and nobody announced go now. */
  setLearnedInSync(): void {}
  async addEndpoint(_request: EndpointRequest): Promise<Endpoint> {
    throw new Error('not wired yet');
  }
  async removeEndpoint(_endpoint: EndpointRef & { netns?: string }): Promise<void> {}
  /** What is missing or wrong; empty when all is well. */
  async checkEndpoint(_endpoint: EndpointRef & { netns: string }): Promise<string[]> {
    return [];
  }
  endpoints(): Endpoint[] {
    return [];
  }
  inspect(): FelixState {
    return { refused: [], inDoubt: [], failed: [] };
  }
  async close(): Promise<void> {}
}

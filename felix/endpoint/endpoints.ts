/**
 * The pods of this node: wired on ADD, unwired on DEL, and known again after a restart.
 *
 * Whatever the order in which a runtime repeats, cancels or crosses its calls, an endpoint is either
 * whole (veth, addresses, routes, file) or gone.
 */

import {
  type Address,
  equalAddresses,
  formatAddress,
  formatPrefix,
  hostPrefix,
  type Prefix,
} from 'net-ipaddr';
import type { Link } from 'rtnetlink-ts';
import type { Clock, Log } from '../../ports.ts';
import type { Workload } from '../calc/claims.ts';
import type { Kernel, Netlink } from '../kernel.ts';
import { hostInterfaceOf, isPodInterface } from '../ours.ts';
import {
  type Endpoint,
  EndpointError,
  type EndpointRef,
  type EndpointRequest,
} from './endpoint.ts';
import type { EndpointFiles, EndpointFilesRead } from './endpoint-files.ts';
import { inspectEndpoint } from './inspection.ts';
import { setMtu } from './mtu.ts';
import { faultOfContainerID, faultOfInterfaceName } from './names.ts';
import { OneAtATime } from './one-at-a-time.ts';
import { PastConnections } from './past-connections.ts';
import { hasFamily, wire } from './wiring.ts';

/** RFC 791. */
const MIN_MTU = 68;
/** RFC 8200 §5. On a link with less the kernel has no IPv6. */
const MIN_MTU_IPV6 = 1280;
/** What a veth takes. */
const MAX_MTU = 65_535;

/** The host's side of the pods: their interfaces are known, and routes lead to them. */
export interface HostRoutes {
  setWorkload(hostInterface: string, workload: Workload | undefined): void;
  /** An interface that we made, before the monitor tells of it. */
  noteInterface(link: Pick<Link, 'index' | 'name' | 'up'>): void;
  /** Programs these prefixes now. Resolves to what is still wrong with them. */
  settle(prefixes: readonly Prefix[]): Promise<string[]>;
}

export interface EndpointsOptions {
  kernel: Kernel;
  clock: Clock;
  log: Log;
  files: EndpointFiles;
  routes: HostRoutes;
}

export class Endpoints {
  readonly #options: EndpointsOptions;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #order = new OneAtATime();
  readonly #past: PastConnections;
  /** By key, why its MTU cannot be changed: told once. */
  readonly #mtuProblems = new Map<string, string>();

  constructor(options: EndpointsOptions) {
    this.#options = options;
    const { clock, kernel, log } = options;
    this.#past = new PastConnections((addresses) => kernel.deleteFlows(addresses), clock, log);
  }

  /** Reads the endpoint files: the pods that there were before a restart. */
  async load(): Promise<EndpointFilesRead> {
    const read = await this.#options.files.readAll();
    for (const endpoint of read.endpoints) this.#endpoints.set(keyOf(endpoint), endpoint);
    return read;
  }

  all(): Endpoint[] {
    return [...this.#endpoints.values()];
  }

  async add(request: EndpointRequest): Promise<Endpoint> {
    mustMakeSense(request);
    const hostInterface = hostInterfaceOf(request.namespace, request.pod);
    // A runtime that gave up waiting sends DEL while its ADD is still at work; and a pod's next
    // sandbox, whose veth has the same name, may come before the DEL of the one before.
    return this.#order.run(keyOf(request), () =>
      this.#order.run(hostInterface, () => this.#add(request, hostInterface)),
    );
  }

  async remove(ref: EndpointRef & { netns?: string }): Promise<void> {
    await this.#order.run(keyOf(ref), async () => {
      const endpoint = this.#endpoints.get(keyOf(ref));
      if (endpoint === undefined) return this.#removeUnknown(ref);
      await this.#order.run(endpoint.hostInterface, () => this.#remove(endpoint));
    });
  }

  async check(ref: EndpointRef & { netns: string }): Promise<string[]> {
    const endpoint = this.#endpoints.get(keyOf(ref));
    if (endpoint === undefined)
      return [`sandbox ${ref.containerID} has no interface ${ref.ifname} of ours`];
    return inspectEndpoint(this.#options.kernel, endpoint, ref.netns);
  }

  /** Of the live pods whose conf does not say another. One that cannot be reached is told of, and keeps its own. */
  async setMtu(mtu: number): Promise<void> {
    for (const key of [...this.#endpoints.keys()])
      await this.#order.run(key, async () => {
        const endpoint = this.#endpoints.get(key);
        if (endpoint === undefined || endpoint.isMtuFixed || endpoint.mtu === mtu) return;
        await this.#order.run(endpoint.hostInterface, () => this.#setMtu(endpoint, mtu));
      });
  }

  async #setMtu(endpoint: Endpoint, mtu: number): Promise<void> {
    const { files, kernel, log } = this.#options;
    const { hostInterface, mtu: before } = endpoint;
    try {
      setMtu(kernel, endpoint, mtu);
      const changed = { ...endpoint, mtu };
      await files.write(changed);
      this.#endpoints.set(keyOf(endpoint), changed);
      this.#mtuProblems.delete(keyOf(endpoint));
      log.info({ hostInterface, before, mtu }, 'a pod’s MTU follows the underlay');
    } catch (error) {
      const { message } = error as Error;
      if (this.#mtuProblems.get(keyOf(endpoint)) !== message)
        log.warn({ hostInterface, before, mtu, error: message }, 'cannot change a pod’s MTU');
      this.#mtuProblems.set(keyOf(endpoint), message);
    }
  }

  async #add(request: EndpointRequest, hostInterface: string): Promise<Endpoint> {
    const { clock, files, kernel, log, routes } = this.#options;
    const before = this.#endpoints.get(keyOf(request));
    if (before !== undefined && isSame(before, request)) {
      const faults = await inspectEndpoint(kernel, before, request.netns);
      if (faults.length === 0) return before;
      log.warn({ hostInterface, faults }, 'an endpoint is wired anew');
    }
    const owner = this.#ownerOf(hostInterface);
    if (owner !== undefined && owner.containerID === request.containerID && owner !== before) {
      const has = `pod ${request.namespace}/${request.pod} has interface ${owner.ifname} already`;
      throw new EndpointError('EEXIST', `${has}; a second one is not supported`);
    }
    await this.#deleteInterface(hostInterface);
    // An address that moves, be it from a sandbox whose DEL is still to come.
    this.#past.forget(this.#held(request.addresses, before));
    await this.#past.forgotten(request.addresses);
    try {
      const { index, mac } = wire(kernel, hostInterface, request);
      // As the monitor will tell of it first, so that its coming up is no news of a flap.
      routes.noteInterface({ index, name: hostInterface, up: false });
      const { netns: _, ...kept } = request;
      const endpoint: Endpoint = { ...kept, hostInterface, mac, createdAt: clock.now() };
      const { addresses, createdAt } = endpoint;
      routes.setWorkload(hostInterface, { hostInterface, addresses, since: createdAt });
      const faults = await routes.settle(addresses.map(hostPrefix));
      if (faults.length > 0) throw new Error(`the pod's route: ${faults.join('; ')}`);
      await files.write(endpoint);
      this.#endpoints.set(keyOf(endpoint), endpoint);
      if (owner !== undefined && owner !== before) await this.#forget(owner);
      return endpoint;
    } catch (error) {
      await this.#undo(request, hostInterface);
      throw error;
    }
  }

  async #remove(endpoint: Endpoint): Promise<void> {
    const { hostInterface } = endpoint;
    // A stale sandbox: the pod's next one has the interface now, and keeps it.
    if (this.#ownerOf(hostInterface) === endpoint) {
      this.#options.routes.setWorkload(hostInterface, undefined);
      await this.#deleteInterface(hostInterface);
    }
    await this.#forget(endpoint);
  }

  /**
   * A sandbox that we know nothing of: never wired, removed before, or its file is lost. Its namespace
   * says more: an interface of this name there whose other end is a pod's interface here goes.
   */
  async #removeUnknown({ ifname, netns }: EndpointRef & { netns?: string }): Promise<void> {
    if (netns === undefined) return;
    let pod: Netlink;
    try {
      pod = this.#options.kernel.enter(netns);
    } catch {
      // The namespace is gone, and its interfaces with it: nothing is left to remove.
      return;
    }
    try {
      const index = this.#ownlessPodEnd(pod, ifname);
      // From the pod's side, where there can be no mistake about which interface it is.
      if (index !== undefined) await pod.deleteLinks([index]);
    } finally {
      pod.close();
    }
  }

  #ownlessPodEnd(pod: Netlink, ifname: string): number | undefined {
    const { index, kind, peerIndex } = pod.link(ifname) ?? {};
    if (kind !== 'veth' || peerIndex === undefined) return undefined;
    const host = this.#options.kernel.host.link(peerIndex);
    if (host?.kind !== 'veth' || host.peerIndex !== index) return undefined;
    if (!isPodInterface(host.name)) return undefined;
    return this.#ownerOf(host.name) === undefined ? index : undefined;
  }

  /** What a failed ADD leaves: nothing. A fault here is only told of; the ADD's own is the answer. */
  async #undo(request: EndpointRequest, hostInterface: string): Promise<void> {
    const { files, log, routes } = this.#options;
    routes.setWorkload(hostInterface, undefined);
    const before = this.#endpoints.get(keyOf(request));
    this.#endpoints.delete(keyOf(request));
    try {
      await this.#deleteInterface(hostInterface);
      await files.remove(request);
    } catch (error) {
      log.error({ hostInterface, error: (error as Error).message }, 'a failed ADD left something');
    }
    this.#forgetConnections([...request.addresses, ...(before?.addresses ?? [])]);
  }

  async #deleteInterface(hostInterface: string): Promise<void> {
    const { host } = this.#options.kernel;
    const link = host.link(hostInterface);
    if (link !== undefined) await host.deleteLinks([link.index]);
  }

  async #forget(endpoint: Endpoint): Promise<void> {
    await this.#options.files.remove(endpoint);
    this.#endpoints.delete(keyOf(endpoint));
    this.#mtuProblems.delete(keyOf(endpoint));
    this.#forgetConnections(endpoint.addresses);
  }

  /** But for those of addresses that moved, which are their new pod's by now. */
  #forgetConnections(addresses: readonly Address[]): void {
    const held = this.#held(addresses);
    this.#past.forget(addresses.filter((address) => !held.includes(address)));
  }

  /** Those of the addresses that some pod has, but for `except`. */
  #held(addresses: readonly Address[], except?: Endpoint): Address[] {
    const others = this.all().filter((endpoint) => endpoint !== except);
    return addresses.filter((address) =>
      others.some((other) => other.addresses.some((one) => equalAddresses(one, address))),
    );
  }

  /** Of several that claim the interface, the newest. */
  #ownerOf(hostInterface: string): Endpoint | undefined {
    let owner: Endpoint | undefined;
    for (const endpoint of this.#endpoints.values()) {
      if (endpoint.hostInterface !== hostInterface) continue;
      if (owner === undefined || endpoint.createdAt > owner.createdAt) owner = endpoint;
    }
    return owner;
  }
}

function keyOf({ containerID, ifname }: EndpointRef): string {
  return `${containerID}@${ifname}`;
}

function isSame(endpoint: Endpoint, request: EndpointRequest): boolean {
  const { addresses, mac, mtu, namespace, pod, network, handleId } = request;
  return (
    (mac === undefined || endpoint.mac === mac) &&
    endpoint.mtu === mtu &&
    endpoint.namespace === namespace &&
    endpoint.pod === pod &&
    endpoint.network === network &&
    endpoint.handleId === handleId &&
    textOf(endpoint.addresses) === textOf(addresses) &&
    sourcesOf(endpoint) === sourcesOf(request)
  );
}

function textOf(addresses: EndpointRequest['addresses']): string {
  return addresses.map(formatAddress).join(' ');
}

function sourcesOf({ allowedSourcePrefixes = [] }: Partial<EndpointRequest>): string {
  return allowedSourcePrefixes.map(formatPrefix).join(' ');
}

function mustMakeSense(request: EndpointRequest): void {
  const { addresses, containerID, ifname, mtu, namespace, pod } = request;
  const minMtu = hasFamily(request, 6) ? MIN_MTU_IPV6 : MIN_MTU;
  const fault =
    faultOfContainerID(containerID) ??
    faultOfInterfaceName(ifname) ??
    (namespace === '' || pod === '' ? 'the pod has no namespace or no name' : undefined) ??
    (addresses.length === 0 ? 'the pod has no address' : undefined) ??
    (Number.isInteger(mtu) && mtu >= minMtu && mtu <= MAX_MTU
      ? undefined
      : `MTU ${mtu} is not one of ${minMtu}–${MAX_MTU}`);
  if (fault !== undefined) throw new EndpointError('EINVAL', fault);
}

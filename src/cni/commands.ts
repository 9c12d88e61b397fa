/** What ADD, DEL, CHECK, GC and STATUS do: addresses from IPAM, the wiring from felix, in an order that loses neither. */
import { type Address, type Family, formatAddress, parseAddress } from 'net-ipaddr';
import { type Endpoint, HOST_MAC } from '../../felix/endpoint/endpoint.ts';
import { GATEWAY4, HOST_LINK_LOCAL } from '../../felix/endpoint/wiring.ts';
import type { Felix } from '../../felix/felix.ts';
import type { Assigned, AssignRequest, IpamError } from '../../ipam/index.ts';
import { type PodAnnotations, readWishes, type Wishes, wantedFamilies } from './annotations.ts';
import { delegatedResult, gatewayReservations, subnetOf } from './delegated.ts';
import { collectGarbage, type GarbageOptions } from './garbage.ts';
import { handleOf } from './handle.ts';
import {
  CNI_ERROR,
  CniError,
  type CniRequest,
  type CniResult,
  type Conf,
  formatResult,
  hostCidr,
} from './protocol.ts';
import type { Releases } from './releases.ts';

export interface CniCommandsOptions extends GarbageOptions {
  releases: Pick<Releases, 'release' | 'revoke'>;
  felix: Pick<Felix, 'addEndpoint' | 'removeEndpoint' | 'checkEndpoint' | 'endpoints'>;
  assign: (request: AssignRequest) => Promise<readonly Assigned[]>;
  nodeName: string;
  /** Of the Pod and its Namespace. */
  annotations: (namespace: string, pod: string, uid: string | undefined) => Promise<PodAnnotations>;
  /** The families that have a pool to assign from; empty while there is none. */
  families: () => readonly Family[];
  /** The MTU of pods whose conf names none. */
  mtu: () => number;
  /** Why requests cannot be served yet; undefined when they can. */
  notReady: () => string | undefined;
}

const NO_ANNOTATIONS: PodAnnotations = { pod: {}, namespace: {} };

export class CniCommands {
  readonly #options: CniCommandsOptions;
  /** Handles of the ADDs at work. */
  readonly #adding = new Set<string>();
  /** Handles of the routers that confs of tortie-ipam name. */
  readonly #reserved = new Set<string>();

  constructor(options: CniCommandsOptions) {
    this.#options = options;
  }

  /** The JSON to print, empty where the specification wants none. `netns`: a path that opens the pod's namespace. */
  async run(request: CniRequest, netns: string | undefined): Promise<string> {
    switch (request.command) {
      case 'ADD':
        return formatResult(request.conf.cniVersion, await this.#add(request, netns));
      case 'DEL':
        await this.#del(request, netns);
        return '';
      case 'CHECK':
        if (request.conf.delegatedBy === undefined) await this.#check(request, netns);
        else await this.#checkAssigned(request);
        return '';
      case 'GC':
        await collectGarbage(request.conf, this.#adding, this.#options);
        return '';
      case 'STATUS':
        this.#mustBeReady(CNI_ERROR.notReady);
        this.#families(request.conf, readWishes(request, NO_ANNOTATIONS), CNI_ERROR.notReady);
        return '';
    }
  }

  async #add(request: CniRequest, netns: string | undefined): Promise<CniResult> {
    const handleId = handleOf(request.conf, request);
    this.#adding.add(handleId);
    try {
      this.#mustBeReady(CNI_ERROR.tryAgainLater);
      await this.#options.releases.revoke(handleId);
      return request.conf.delegatedBy === undefined
        ? await this.#wire(request, mustOpen(request, netns), handleId)
        : await this.#assignOnly(request, handleId);
    } finally {
      this.#adding.delete(handleId);
    }
  }

  /** tortie-ipam: the wiring is another plugin's. */
  async #assignOnly(request: CniRequest, handleId: string): Promise<CniResult> {
    for (const reservation of gatewayReservations(request.conf)) {
      if (this.#reserved.has(reservation.handleId)) continue;
      await this.#options.assign(reservation).catch((error: IpamError) => {
        // A router outside of all pools cannot be given to a pod.
        if (error.code !== 'NoPool') throw error;
      });
      this.#reserved.add(reservation.handleId);
    }
    const wishes = await this.#wishes(request);
    return delegatedResult(request.conf, await this.#assign(request, wishes, handleId));
  }

  async #wire(request: CniRequest, netns: string, handleId: string): Promise<CniResult> {
    const { felix, log } = this.#options;
    const wishes = await this.#wishes(request);
    const assigned = await this.#assign(request, wishes, handleId);
    try {
      const endpoint = await felix.addEndpoint({
        containerID: request.containerID,
        ifname: request.ifname,
        netns,
        namespace: request.namespace,
        pod: request.pod,
        addresses: assigned.map(({ address }) => parseAddress(address)),
        allowedSourcePrefixes: wishes.allowedSourcePrefixes,
        ...(wishes.mac && { mac: wishes.mac }),
        ...this.#mtu(request),
        network: request.conf.name,
        handleId,
      });
      this.#options.onChange(endpoint.addresses);
      return resultOf(endpoint, request.netns);
    } catch (error) {
      // The runtime calls DEL after a failed ADD, but it may not: then the address would leak.
      await this.#release(handleId).catch((failure: Error) => {
        log.warn(
          { handleId, error: failure.message },
          'cannot take back the address of a failed ADD',
        );
      });
      throw error;
    }
  }

  async #assign(
    request: CniRequest,
    wishes: Wishes,
    handleId: string,
  ): Promise<readonly Assigned[]> {
    const { namespace, pod, conf } = request;
    const { addresses, pools, askedBy } = wishes;
    const { assign, nodeName: node } = this.#options;
    const families = this.#families(conf, wishes, CNI_ERROR.tryAgainLater);
    const attributes = {
      namespace,
      node,
      pod,
      timestamp: new Date().toISOString(),
      ...(conf.delegatedBy && { plugin: conf.delegatedBy }),
    };
    const asked = { handleId, families, addresses, pools, attributes, ...subnetOf(conf) };
    try {
      return await assign(asked);
    } catch (error) {
      if (askedBy.length === 0) throw error;
      const message = `${(error as Error).message} (${askedBy.join(', ')})`;
      throw new CniError(CNI_ERROR.tryAgainLater, message, 'the runtime will try again');
    }
  }

  #mtu({ conf, netns }: CniRequest): { mtu: number; isMtuFixed?: boolean; sandbox: string } {
    return conf.mtu
      ? { mtu: conf.mtu, isMtuFixed: true, sandbox: netns }
      : { mtu: this.#options.mtu(), sandbox: netns };
  }

  #families(conf: Conf, wishes: Wishes, code: number): Family[] {
    const families = wantedFamilies(wishes, conf.assigns, this.#options.families());
    if (families.length > 0) return families;
    throw new CniError(
      code,
      'there is no enabled IPPool to take an address from',
      'create one: tortiectl apply -f pool.yaml',
    );
  }

  async #wishes(request: CniRequest): Promise<Wishes> {
    const { isKubernetes, namespace, pod, uid } = request;
    if (!isKubernetes) return readWishes(request, NO_ANNOTATIONS);
    return readWishes(request, await this.#options.annotations(namespace, pod, uid));
  }

  /** The workload first, then its address: an address that is free again must not be wired any more. */
  async #del(request: CniRequest, netns: string | undefined): Promise<void> {
    const { containerID, ifname, conf } = request;
    if (conf.delegatedBy === undefined) {
      const endpoint = this.#endpointOf(request);
      await this.#options.felix.removeEndpoint({ containerID, ifname, ...(netns && { netns }) });
      if (endpoint) this.#options.onChange(endpoint.addresses);
    }
    await this.#release(handleOf(conf, request));
  }

  /** Unless an interface of ours still has them: a handle is the container's, whose interfaces may be several. */
  async #release(handleId: string): Promise<void> {
    const { felix, releases } = this.#options;
    if (felix.endpoints().some((one) => one.handleId === handleId)) return;
    await releases.release(handleId);
  }

  async #check(request: CniRequest, netns: string | undefined): Promise<void> {
    const sandbox = mustOpen(request, netns);
    const { containerID, ifname } = request;
    const endpoint = this.#endpointOf(request);
    if (!endpoint)
      throw new CniError(
        CNI_ERROR.unknownContainer,
        `container ${containerID} has no interface ${ifname} of ours on this node`,
        'delete the pod: its next sandbox is wired anew',
      );
    const problems = [
      ...differences(request, endpoint),
      ...(await this.#options.felix.checkEndpoint({ containerID, ifname, netns: sandbox })),
    ];
    if (problems.length > 0)
      throw new CniError(
        CNI_ERROR.checkFailed,
        `${endpoint.namespace}/${endpoint.pod}: ${problems.join('; ')}`,
        'delete the pod: its next sandbox is wired anew',
      );
  }

  async #checkAssigned(request: CniRequest): Promise<void> {
    const { conf, containerID } = request;
    if ((await this.#options.handles()).has(handleOf(conf, request))) return;
    throw new CniError(
      CNI_ERROR.checkFailed,
      `container ${containerID} holds no address of network ${conf.name}`,
      'delete the pod: its next sandbox is given one',
    );
  }

  #endpointOf({ containerID, ifname }: CniRequest): Endpoint | undefined {
    return this.#options.felix
      .endpoints()
      .find((one) => one.containerID === containerID && one.ifname === ifname);
  }

  #mustBeReady(code: number): void {
    const reason = this.#options.notReady();
    if (reason !== undefined)
      throw new CniError(
        code,
        `the tortie agent is not ready: ${reason}`,
        'it goes on trying; see its log',
      );
  }
}

function mustOpen(request: CniRequest, netns: string | undefined): string {
  if (netns !== undefined) return netns;
  throw new CniError(
    CNI_ERROR.unknownContainer,
    `CNI_NETNS: cannot open ${request.netns}`,
    'the sandbox has ended, or the plugin runs where the path is not visible',
  );
}

/** What prevResult says that is not so. */
function differences(request: CniRequest, endpoint: Endpoint): string[] {
  const { prevResult } = request.conf;
  if (!prevResult) return [];
  const own = new Set(endpoint.addresses.map(hostCidr));
  return prevResult.ips
    .filter((ip) => prevResult.interfaces[ip.interface ?? -1]?.name === request.ifname)
    .filter((ip) => !own.has(ip.address))
    .map((ip) => `prevResult has ${ip.address}, which is not this interface’s`);
}

function resultOf(endpoint: Endpoint, sandbox: string): CniResult {
  const hasFamily = (family: Family) =>
    endpoint.addresses.some((one: Address) => one.family === family);
  return {
    interfaces: [
      { name: endpoint.hostInterface, mac: HOST_MAC },
      { name: endpoint.ifname, mac: endpoint.mac, sandbox },
    ],
    ips: endpoint.addresses.map((address) => ({ address: hostCidr(address), interface: 1 })),
    routes: [
      ...(hasFamily(4) ? [{ dst: '0.0.0.0/0', gw: formatAddress(GATEWAY4) }] : []),
      ...(hasFamily(6) ? [{ dst: '::/0', gw: formatAddress(HOST_LINK_LOCAL) }] : []),
    ],
  };
}

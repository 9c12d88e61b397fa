/**
 * What a pod asks for of its wiring, by Calico's annotations (`cni.projectcalico.org/…`). Pools may also be asked for
 * by its namespace and by the conf, in this order; a single address by the pod, then by the runtime. Pure.
 */
import { type Address, type Family, type Prefix, parsePrefix } from 'net-ipaddr';
import { faultOfMac, readAddresses } from './asked.ts';
import { CNI_ERROR, CniError, type CniRequest } from './protocol.ts';

export type Annotations = Readonly<Record<string, string>>;

/** Of the Pod and its Namespace; none where there is no such object. */
export interface PodAnnotations {
  readonly pod: Annotations;
  readonly namespace: Annotations;
}

export interface Wishes {
  /** One of a family at most; empty: whichever are free. */
  readonly addresses: readonly Address[];
  /** By family, names or CIDRs of IPPools. */
  readonly pools: Partial<Record<Family, readonly string[]>>;
  readonly mac: string | undefined;
  /** Sources that the pod may send from besides its addresses. */
  readonly allowedSourcePrefixes: readonly Prefix[];
  /** The annotations that ask for addresses or pools, each with its owner: what an error of IPAM is about. */
  readonly askedBy: readonly string[];
}

const PREFIX = 'cni.projectcalico.org/';

/** Calico refuses them too, unless its conf enables them: who asks for them must not be wired without. */
const NOT_SUPPORTED: Readonly<Record<string, string>> = {
  ipAddrsNoIpam: 'every address comes from an IPPool: ask for it by ipAddrs',
  floatingIPs: 'no address is translated to a pod’s: ask for it by ipAddrs',
};

type Request = Pick<CniRequest, 'namespace' | 'pod' | 'conf' | 'addresses' | 'mac'>;

/** @throws CniError that names the annotation and whose it is. */
export function readWishes(request: Request, annotations: PodAnnotations): Wishes {
  const ofPod = reader(`pod ${request.namespace}/${request.pod}`, annotations.pod);
  const ofNamespace = reader(`namespace ${request.namespace}`, annotations.namespace);
  for (const [name, cure] of Object.entries(NOT_SUPPORTED))
    if (ofPod.has(name)) throw ofPod.fault(name, `it is not supported; ${cure}`);
  const askedBy: string[] = [];
  const pools = (name: string, family: Family) => {
    const annotated = [ofPod, ofNamespace].find((owner) => owner.has(name));
    if (annotated === undefined) return request.conf.pools[family];
    askedBy.push(annotated.title(name));
    return annotated.list(name);
  };
  const [ipv4, ipv6] = [pools('ipv4pools', 4), pools('ipv6pools', 6)];
  if (ofPod.has('ipAddrs')) askedBy.push(ofPod.title('ipAddrs'));
  return {
    addresses: ofPod.addresses('ipAddrs') ?? request.addresses,
    pools: { ...(ipv4 && { 4: ipv4 }), ...(ipv6 && { 6: ipv6 }) },
    mac: ofPod.mac('hwAddr') ?? request.mac,
    allowedSourcePrefixes: ofPod.prefixes('allowedSourcePrefixes') ?? [],
    askedBy,
  };
}

/**
 * The families to assign: those of the addresses that were asked for; else those with a pool that gives unasked, or
 * that was asked for, unless the conf says which.
 */
export function wantedFamilies(
  { addresses, pools }: Wishes,
  assigns: Partial<Record<Family, boolean>>,
  withPool: readonly Family[],
): Family[] {
  const both = [4, 6] as const;
  if (addresses.length > 0)
    return both.filter((family) => addresses.some((address) => address.family === family));
  return both.filter(
    (family) => assigns[family] ?? (withPool.includes(family) || pools[family] !== undefined),
  );
}

/** Reads annotations of one object; undefined stands for one that is not there. */
function reader(owner: string, annotations: Annotations) {
  const title = (name: string) => `annotation ${PREFIX}${name} of ${owner}`;
  const fault = (name: string, reason: string) =>
    new CniError(
      CNI_ERROR.invalidConfig,
      `${title(name)}: ${reason}`,
      'correct the annotation; the runtime will try again',
    );
  const list = (name: string): string[] | undefined => {
    const text = annotations[PREFIX + name];
    if (text === undefined) return undefined;
    const noList = fault(name, `${text} is not a list; write ["…"], as JSON, with at least one`);
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      throw noList;
    }
    if (!Array.isArray(parsed) || parsed.length === 0) throw noList;
    if (!parsed.every((item) => typeof item === 'string')) throw noList;
    return parsed;
  };
  return {
    title,
    fault,
    has: (name: string) => annotations[PREFIX + name] !== undefined,
    list,
    addresses(name: string): readonly Address[] | undefined {
      const texts = list(name);
      return texts && readAddresses(texts, (reason) => fault(name, reason));
    },
    prefixes(name: string): readonly Prefix[] | undefined {
      return list(name)?.map((text) => {
        try {
          return parsePrefix(text);
        } catch (error) {
          throw fault(name, (error as Error).message);
        }
      });
    },
    mac(name: string): string | undefined {
      const text = annotations[PREFIX + name];
      if (text === undefined) return undefined;
      const wrong = faultOfMac(text);
      if (wrong !== undefined) throw fault(name, wrong);
      return text.toLowerCase();
    },
  };
}

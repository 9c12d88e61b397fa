/**
 * CNI 1.1's GC: what this network still has of attachments that the runtime does not know any more, such as pods
 * whose DEL never came since the node's disk was replaced under the runtime.
 */
import type { Address } from 'net-ipaddr';
import type { Felix } from '../../felix/felix.ts';
import type { Log } from '../../ports.ts';
import { handleOf } from './handle.ts';
import { CNI_ERROR, CniError, type Conf } from './protocol.ts';
import type { Releases } from './releases.ts';

export interface GarbageOptions {
  felix: Pick<Felix, 'removeEndpoint' | 'endpoints'>;
  releases: Pick<Releases, 'release'>;
  /** The handles by which this node's pods hold addresses, as the datastore has them now. */
  handles: () => Promise<ReadonlySet<string>>;
  /** A pod with these addresses has come or gone. */
  onChange: (addresses: readonly Address[]) => void;
  log: Log;
}

/**
 * Unwires first, and releases after it, as DEL does. Goes on after a failure, and says at the end what is left.
 * @param adding handles of ADDs at work, whose attachments the runtime could not name yet
 */
export async function collectGarbage(
  conf: Pick<Conf, 'name' | 'delegatedBy' | 'validAttachments'>,
  adding: ReadonlySet<string>,
  { felix, releases, handles, onChange, log }: GarbageOptions,
): Promise<void> {
  const { name, validAttachments } = conf;
  const isValid = new Set(validAttachments.map((one) => `${one.containerID} ${one.ifname}`));
  const kept = new Set(validAttachments.map((one) => handleOf(conf, one)));
  for (const handleId of adding) kept.add(handleId);
  const failures: string[] = [];
  const attempt = async (what: string, work: () => Promise<unknown>) => {
    try {
      await work();
      log.info({ network: name }, `GC: ${what} is gone`);
    } catch (error) {
      failures.push(`${what}: ${(error as Error).message}`);
    }
  };
  for (const endpoint of felix.endpoints()) {
    const { containerID, ifname, handleId } = endpoint;
    if (endpoint.network !== name || adding.has(handleId)) continue;
    if (isValid.has(`${containerID} ${ifname}`)) continue;
    await attempt(`interface ${ifname} of container ${containerID}`, async () => {
      await felix.removeEndpoint({ containerID, ifname });
      onChange(endpoint.addresses);
      if (!kept.has(handleId)) await releases.release(handleId);
    });
  }
  const wired = new Set(felix.endpoints().map(({ handleId }) => handleId));
  for (const handleId of await handles()) {
    if (!handleId.startsWith(`${name}.`) || kept.has(handleId) || wired.has(handleId)) continue;
    await attempt(`handle ${handleId}`, () => releases.release(handleId));
  }
  if (failures.length > 0)
    throw new CniError(CNI_ERROR.tryAgainLater, failures.join('; '), 'the next GC tries again');
}

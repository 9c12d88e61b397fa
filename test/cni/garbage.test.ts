import type { CniCommandsOptions } from '../../src/cni/commands.ts';
import { collectGarbage } from '../../src/cni/garbage.ts';

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };

const attachment = (containerID: string, ifname = 'eth0') => ({ containerID, ifname });

/** Endpoints as `network/container/ifname`; answers what was done. */
async function collect(given: {
  valid: { containerID: string; ifname: string }[];
  endpoints?: string[];
  handles?: string[];
  adding?: string[];
  failing?: string;
  delegatedBy?: string;
}) {
  const done: string[] = [];
  const handles = new Set(given.handles);
  let endpoints = (given.endpoints ?? []).map((text) => {
    const [network, containerID, ifname] = text.split('/');
    return { network, containerID, ifname, handleId: `${network}.${containerID}`, addresses: [] };
  });
  const options = {
    log,
    onChange: () => {},
    handles: async () => new Set(handles),
    releases: {
      release: async (handleId: string) => {
        handles.delete(handleId);
        done.push(`release ${handleId}`);
      },
    },
    felix: {
      endpoints: () => endpoints,
      removeEndpoint: async ({ containerID, ifname }: { containerID: string; ifname: string }) => {
        if (containerID === given.failing) throw new Error('the kernel says no');
        done.push(`remove ${containerID}/${ifname}`);
        endpoints = endpoints.filter(
          (one) => one.containerID !== containerID || one.ifname !== ifname,
        );
      },
    },
  } as unknown as CniCommandsOptions;
  const { delegatedBy, valid: validAttachments } = given;
  const conf = { name: 'net', delegatedBy, validAttachments };
  const error = await collectGarbage(conf, new Set(given.adding), options).catch(
    (failure: Error) => failure.message,
  );
  return { done, error };
}

test('CNI 1.1 GC: what no valid attachment names is unwired, then its addresses are released', async () => {
  const endpoints = ['net/c1/eth0', 'net/c2/eth0'];
  const given = { valid: [attachment('c1')], endpoints, handles: ['net.c1', 'net.c2'] };
  expect((await collect(given)).done).toEqual(['remove c2/eth0', 'release net.c2']);
});

test('addresses without an interface are released; those of other networks are not looked at', async () => {
  const handles = ['net.c1', 'net.c9', 'network.c9', 'other.c9'];
  const given = { valid: [attachment('c1')], endpoints: ['other/c3/eth0'], handles };
  expect((await collect(given)).done).toEqual(['release net.c9']);
});

test('of a container with one valid interface, the other goes and the addresses stay', async () => {
  const given = { valid: [attachment('c1')], endpoints: ['net/c1/eth1'], handles: ['net.c1'] };
  expect((await collect(given)).done).toEqual(['remove c1/eth1']);
});

test('of what another plugin wires, each interface has a handle of its own', async () => {
  const handles = ['net.c1.eth0', 'net.c1.net1', 'net.c2.eth0'];
  const given = { valid: [attachment('c1')], handles, delegatedBy: 'bridge' };
  expect((await collect(given)).done).toEqual(['release net.c1.net1', 'release net.c2.eth0']);
});

test('a pod whose ADD is at work is left alone', async () => {
  const given = { valid: [], endpoints: ['net/c1/eth0'], handles: ['net.c1', 'net.c2'] };
  expect((await collect({ ...given, adding: ['net.c1', 'net.c2'] })).done).toEqual([]);
});

test('a failure is told at the end, and keeps nothing else from going', async () => {
  const endpoints = ['net/c1/eth0', 'net/c2/eth0'];
  // What is still wired keeps its addresses.
  const given = { valid: [], endpoints, handles: ['net.c1', 'net.c2'], failing: 'c1' };
  const { done, error } = await collect(given);
  expect(done).toEqual(['remove c2/eth0', 'release net.c2']);
  expect(error).toBe('interface eth0 of container c1: the kernel says no');
});

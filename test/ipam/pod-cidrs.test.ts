import { parseAddress, parsePrefix } from 'net-ipaddr';
import { PodCidrs } from '../../ipam/index.ts';
import type { Holding } from '../../ipam/pod-cidrs.ts';

let wired: Holding[];
let cidrs: PodCidrs;

beforeEach(() => {
  wired = [];
  cidrs = new PodCidrs({ node: 'n1', wired: () => wired });
  cidrs.setPrefixes(['10.244.1.0/29', 'fd00:1::/64'].map(parsePrefix));
});

const assign = async (handleId: string, more: object = {}) =>
  (await cidrs.assign({ handleId, families: [4], attributes: {}, ...more })).map(
    ({ address }) => address,
  );

test('one address of each family, with the prefix that it is of', async () => {
  expect(await cidrs.assign({ handleId: 'a', families: [4, 6], attributes: {} })).toEqual([
    { family: 4, address: '10.244.1.1', block: '10.244.1.0/29' },
    { family: 6, address: 'fd00:1::1', block: 'fd00:1::/64' },
  ]);
  expect(cidrs.families()).toEqual([4, 6]);
  expect(cidrs.ownBlocks()).toEqual(['10.244.1.0/29', 'fd00:1::/64']);
});

test('never the first, which is the tunnels’, nor the last; then it says that there is none', async () => {
  const given = [];
  for (let pod = 1; pod <= 6; pod++) given.push(...(await assign(`pod${pod}`)));
  expect(given).toEqual([1, 2, 3, 4, 5, 6].map((last) => `10.244.1.${last}`));
  await expect(assign('pod7')).rejects.toThrow('no free IPv4 address in the pod CIDRs of n1');
  const tunnel = { handleId: 't', families: [4, 6] as const, attributes: {} };
  expect((await cidrs.ofTunnels.assign(tunnel)).map(({ address }) => address)).toEqual([
    '10.244.1.0',
    'fd00:1::',
  ]);
});

test('the same handle has the same address, also after a restart of which only the wired pods tell', async () => {
  expect(await assign('a')).toEqual(['10.244.1.1']);
  expect(await assign('a')).toEqual(['10.244.1.1']);
  wired = [{ handleId: 'b', addresses: [parseAddress('10.244.1.2')] }];
  expect(await assign('b')).toEqual(['10.244.1.2']);
  expect(await assign('c')).toEqual(['10.244.1.3']);
});

test('an address that was given back is the last to be given again', async () => {
  await assign('a');
  await cidrs.release({ handleId: 'a' });
  expect(await assign('b')).toEqual(['10.244.1.2']);
  for (const handle of ['c', 'd', 'e', 'f']) await assign(handle);
  expect(await assign('g')).toEqual(['10.244.1.1']);
});

test('an address that is released while it is still wired is not given', async () => {
  await assign('a');
  wired = [{ handleId: 'a', addresses: [parseAddress('10.244.1.1')] }];
  await cidrs.release({ handleId: 'a' });
  for (let pod = 2; pod <= 6; pod++) await assign(`pod${pod}`);
  await expect(assign('one more')).rejects.toMatchObject({ code: 'Exhausted' });
});

test.each([
  ['this address', { addresses: [parseAddress('10.244.1.4')] }, '10.244.1.4'],
  ['an address of another node', { addresses: [parseAddress('10.244.2.4')] }, 'no pod CIDR of n1'],
  ['a pool', { pools: { 4: ['default'] } }, 'gives addresses of its pod CIDRs'],
  ['a subnet', { asSubnet: true }, 'use host-local instead'],
])('asked for %s', async (_, more, answer) => {
  const text = await assign('a', more).catch((error: Error) => error.message);
  expect(String(text)).toContain(answer);
  if ('addresses' in more && answer === '10.244.1.4')
    await expect(assign('b', more)).rejects.toMatchObject({ code: 'Taken' });
});

test('pods whose prefix went to another node keep their address, and get no other', async () => {
  await assign('a');
  cidrs.setPrefixes([parsePrefix('10.244.9.0/24')]);
  expect(await assign('a')).toEqual(['10.244.1.1']);
  expect(await assign('b')).toEqual(['10.244.9.1']);
});

test('without a prefix there is no family', async () => {
  cidrs.setPrefixes([]);
  expect(cidrs.families()).toEqual([]);
  await expect(assign('a')).rejects.toMatchObject({ code: 'Exhausted' });
});

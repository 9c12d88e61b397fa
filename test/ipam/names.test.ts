import { createHash } from 'node:crypto';
import {
  affinityLabels,
  affinityName,
  blockName,
  handleName,
  hostnameHash,
} from '../../ipam/names.ts';

test.each([
  ['10.0.0.0/26', '10-0-0-0-26'],
  ['fd00:10:96::40/122', 'fd00-10-96--40-122'],
])('block %s is named %s', (cidr, name) => expect(blockName(cidr)).toBe(name));

test('an affinity’s name is cut below 253 characters, and stays one of a kind', () => {
  expect(affinityName('node-1', '10.0.0.0/26')).toBe('node-1-10-0-0-0-26');
  const long = `${'n'.repeat(240)}a`;
  const name = affinityName(long, '10.0.0.0/26');
  const hash = createHash('sha256').update(`${long}+10-0-0-0-26`).digest('hex').slice(0, 11);
  expect(name).toBe(`${'n'.repeat(228)}-10-0-0-0-26-${hash}`);
  expect(name).toHaveLength(252);
  expect(affinityName(`${'n'.repeat(240)}b`, '10.0.0.0/26')).not.toBe(name);
  expect(affinityName('n'.repeat(240), '10.0.0.0/26')).toHaveLength(252);
  expect(affinityName('n'.repeat(253), '10.0.0.0/26')).toHaveLength(252);
});

test('the host name’s hash is a label of 52 characters: base32 of SHA3-256', () => {
  const hash = hostnameHash('node-1');
  expect(hash).toMatch(/^[A-Z2-7]{52}$/);
  // Read back by hand: 51 characters of 5 bits and one bit of the last are the 256 bits.
  let bits = '';
  for (const char of hash) {
    bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(char).toString(2).padStart(5, '0');
  }
  const digest = createHash('sha3-256').update('node-1').digest('hex');
  expect(
    BigInt(`0b${bits.slice(0, 256)}`)
      .toString(16)
      .padStart(64, '0'),
  ).toBe(digest);
  expect(bits.slice(256)).toBe('0000');
  expect(affinityLabels('node-1', 6)).toEqual({
    'projectcalico.org/hostname-hash': hash,
    'projectcalico.org/affinity-type': 'host',
    'projectcalico.org/ip-version': '6',
  });
});

test('a handle’s name is lower case, and a handle that can have none is refused', () => {
  expect(handleName('k8s-pod-network.ABC')).toBe('k8s-pod-network.abc');
  for (const id of ['', 'my_net.abc', 'net..abc', 'net.', `net.${'a'.repeat(250)}`, 'net/abc']) {
    expect(() => handleName(id)).toThrow('cannot name an object');
  }
});

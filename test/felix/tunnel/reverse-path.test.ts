import { filtersToLoosen } from '../../../felix/tunnel/reverse-path.ts';

/** Values of `all`, the tunnel and eth0, and which of them are made loose. */
test.each<[string, Record<string, string>, string[]]>([
  [
    'none filters: the tunnel, since `all` may say otherwise some day',
    { all: '0', vxlan: '0', eth0: '0' },
    ['vxlan'],
  ],
  ['strict everywhere', { all: '1', vxlan: '0', eth0: '0' }, ['vxlan', 'eth0']],
  ['strict by itself', { all: '0', vxlan: '2', eth0: '1' }, ['eth0']],
  ['loose everywhere', { all: '2', vxlan: '1', eth0: '1' }, ['vxlan']],
  ['loose by itself', { all: '1', vxlan: '2', eth0: '2' }, []],
])('%s', (_, values, then) => {
  const read = (key: string) => values[key.split('/')[3]!];
  const keys = filtersToLoosen('vxlan', ['eth0'], read);
  expect(keys).toEqual(then.map((name) => `net/ipv4/conf/${name}/rp_filter`));
});

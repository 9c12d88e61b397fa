import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTopology } from '../../../src/lab/topology/file.ts';
import { TopologyError } from '../../../src/lab/topology/topology.ts';

function read(text: string, environment: Record<string, string> = {}) {
  return readTopology('x.clab.yml', text, environment);
}

const TOPOLOGIES = 'deploy/containerlab';

test.each(readdirSync(TOPOLOGIES).filter((file) => file.endsWith('.clab.yml')))(
  '%s, which we ship, is read',
  (file) => {
    const text = readFileSync(join(TOPOLOGIES, file), 'utf8');
    expect(readTopology(file, text, {}).nodes.length).toBeGreaterThan(1);
  },
);

test('node beats group beats kind beats defaults; maps are merged, lists joined', () => {
  const { nodes } = read(`
name: t
topology:
  defaults: {kind: linux, image: debian, env: {A: 1, B: 1}, exec: [one]}
  kinds: {linux: {env: {B: 2, C: 2}, cmd: sleep 1}}
  groups: {g: {env: {C: 3}, exec: [two], image: alpine}}
  nodes:
    a: {group: g, exec: ["sh -c 'echo \\"x y\\"'"], labels: {tortie/pods: 2}}
    b:
`);
  expect(nodes[0]).toMatchObject({
    kind: 'linux',
    image: 'alpine',
    cmd: ['sleep', '1'],
    env: { A: '1', B: '2', C: '3' },
    exec: [['one'], ['two'], ['sh', '-c', 'echo "x y"']],
    labels: { 'tortie/pods': '2' },
  });
  expect(nodes[1]).toMatchObject({ name: 'b', image: 'debian', env: { A: '1', B: '2', C: '2' } });
});

test('links short and long, with MTUs', () => {
  const { links } = read(`
name: t
topology:
  nodes: {a: {kind: linux}, b: {kind: linux}, br: {kind: bridge}}
  links:
    - endpoints: ["a:eth1", "b:eth1"]
    - {type: veth, endpoints: [{node: a, interface: eth2, mac: "02:00:00:00:00:01"}, {node: br, interface: p1}], mtu: 1400}
    - {type: host, endpoint: {node: b, interface: eth2}, host-interface: b-eth2}
    - {type: mgmt-net, endpoint: {node: b, interface: eth3}, host-interface: b-eth3}
`);
  expect(links).toEqual([
    {
      ends: [
        { node: 'a', interface: 'eth1' },
        { node: 'b', interface: 'eth1' },
      ],
      mtu: 9500,
    },
    {
      ends: [
        { node: 'a', interface: 'eth2', mac: '02:00:00:00:00:01' },
        { node: 'br', interface: 'p1' },
      ],
      mtu: 1400,
    },
    {
      ends: [
        { node: 'b', interface: 'eth2' },
        { node: 'host', interface: 'b-eth2' },
      ],
      mtu: 9500,
    },
    {
      ends: [
        { node: 'b', interface: 'eth3' },
        { node: 'mgmt-net', interface: 'b-eth3' },
      ],
      mtu: 9500,
    },
  ]);
});

test('variables: set, with defaults, unset', () => {
  const text = 'name: ${NAME:=fallback}\ntopology: {nodes: {a: {kind: linux, image: $IMAGE}}}';
  expect(read(text, { IMAGE: 'debian' })).toMatchObject({ name: 'fallback' });
  expect(read(text, { IMAGE: 'debian', NAME: 'given' })).toMatchObject({ name: 'given' });
  expect(() => read(text)).toThrow('x.clab.yml: line 2: the variable IMAGE is not set');
});

const node = (settings: string) => `{name: t, topology: {nodes: {a: {kind: linux, ${settings}}}}}`;
const link = (text: string) => `{name: t, topology: {nodes: {a: {kind: linux}}, links: [${text}]}}`;

test.each([
  [
    'a setting that is not honoured',
    node('stages: {}'),
    'topology.nodes.a: the lab does not honour stages',
  ],
  [
    'a kind that is not honoured',
    '{name: t, topology: {nodes: {a: {kind: srl}}}}',
    'topology.nodes.a.kind',
  ],
  ['no kind', '{name: t, topology: {nodes: {a: }}}', 'topology.nodes.a: has no kind'],
  ['an unknown group', node('group: g'), 'the group g is not in topology.groups'],
  ['a bad address', node('mgmt-ipv4: 1.2.3'), 'topology.nodes.a.mgmt-ipv4'],
  ['a bad number of pods', node('labels: {tortie/pods: many}'), 'tortie/pods is "many"'],
  ['an open quote', node(`cmd: "echo 'x"`), 'a quote is not closed'],
  ['an unknown node', link('{endpoints: ["a:eth1", "c:eth1"]}'), 'there is no node c'],
  ['an interface twice', link('{endpoints: ["a:eth1", "a:eth1"]}'), '"a:eth1" is used twice'],
  ['a cable at eth0', link('{endpoints: ["a:eth0", "host:x"]}'), 'eth0 is the management network'],
  ['an unknown link type', link('{type: macvlan}'), 'the link type "macvlan" is not honoured'],
  [
    'a long interface name',
    link('{endpoints: ["a:eth1", "host:abcdefghijklmnop"]}'),
    '1 to 15 characters',
  ],
  ['broken YAML', 'name: [', 'x.clab.yml: '],
  ['nothing', '', 'x.clab.yml: the file: '],
])('%s is an error that names it', (_, text, message) => {
  expect(() => read(text)).toThrow(TopologyError);
  expect(() => read(text)).toThrow(message);
});

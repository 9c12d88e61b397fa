import type { FelixConfiguration } from '../../../api/index.ts';
import { readFelixConfiguration } from '../../../src/agent/derive/felix-configuration.ts';
import { deriveRouteSettings } from '../../../src/agent/derive/route-settings.ts';
import { deriveTunnelSettings } from '../../../src/agent/derive/tunnel-settings.ts';

function configuration(name: string, spec: object): FelixConfiguration {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'FelixConfiguration',
    metadata: { name },
    spec,
  } as FelixConfiguration;
}

const DEFAULTS = { vxlan: { vni: 4096, port: 4789, mtu: {} }, ipip: { mtu: undefined } };

test.each<[name: string, given: FelixConfiguration[], then: object, problems: string[]]>([
  ['none: Calico’s defaults', [], DEFAULTS, []],
  [
    'its own form comes before the cluster’s, field by field; another node’s is nobody’s business',
    [
      configuration('default', { vxlanPort: 8472, vxlanVNI: 7, vxlanMTU: 1400 }),
      configuration('node.one', { vxlanVNI: 8, vxlanMTUV6: 1300, ipipMTU: 1420 }),
      configuration('node.two', { vxlanVNI: 9 }),
    ],
    { vxlan: { vni: 8, port: 8472, mtu: { 4: 1400, 6: 1300 } }, ipip: { mtu: 1420 } },
    [],
  ],
  [
    'an MTU of 0 is made of the underlay’s',
    [configuration('default', { vxlanMTU: 0, vxlanMTUV6: 0, ipipMTU: 0 })],
    DEFAULTS,
    [],
  ],
  [
    'what has no effect is named, in one sentence',
    [configuration('default', { bpfEnabled: true, vxlanVNI: 7, floatingIPs: 'Disabled' })],
    { ...DEFAULTS, vxlan: { ...DEFAULTS.vxlan, vni: 7 } },
    [
      'FelixConfiguration "default": kept, and without effect in this version: bpfEnabled, floatingIPs',
    ],
  ],
  [
    'a field that is malformed is named, and counts as absent; the others count',
    [
      configuration('default', { vxlanPort: 70_000, vxlanVNI: 7, natPortRange: 'all' }),
      configuration('node.one', { vxlanVNI: 'eight', ipipMTU: 1420 }),
    ],
    { ...DEFAULTS, vxlan: { ...DEFAULTS.vxlan, vni: 7 }, ipip: { mtu: 1420 } },
    [
      expect.stringMatching(/^FelixConfiguration "default": spec.vxlanPort /),
      expect.stringMatching(/^FelixConfiguration "default": spec.natPortRange /),
      expect.stringMatching(/^FelixConfiguration "node.one": spec.vxlanVNI /),
    ],
  ],
  [
    'a VNI has 24 bits',
    [
      configuration('default', { vxlanVNI: 16_777_215 }),
      configuration('node.one', { vxlanVNI: 16_777_216 }),
    ],
    { ...DEFAULTS, vxlan: { ...DEFAULTS.vxlan, vni: 16_777_215 } },
    [expect.stringMatching(/^FelixConfiguration "node.one": spec.vxlanVNI /)],
  ],
  [
    'a VNI of 0',
    [configuration('default', { vxlanVNI: 0 })],
    DEFAULTS,
    [expect.stringMatching(/^FelixConfiguration "default": spec.vxlanVNI /)],
  ],
  [
    'one without a spec that could be read is named, and says nothing',
    [configuration('default', [7])],
    DEFAULTS,
    [expect.stringMatching(/^FelixConfiguration "default": spec /)],
  ],
])('%s', (_, given, then, problems) => {
  const found: string[] = [];
  expect(deriveTunnelSettings(readFelixConfiguration(given, 'one', found))).toEqual(then);
  expect(found).toEqual(problems);
});

const MARKS = { protocol: 80, metric: { 4: 1024, 6: 1024 } };

test.each<[name: string, spec: object, then: object, problems: unknown[]]>([
  ['nothing said', {}, { marks: MARKS, refreshMs: 90_000 }, []],
  [
    'protocol and priorities',
    { deviceRouteProtocol: 90, ipv4NormalRoutePriority: 500, ipv6NormalRoutePriority: 600 },
    { marks: { protocol: 90, metric: { 4: 500, 6: 600 } }, refreshMs: 90_000 },
    [],
  ],
  ['the refresh interval', { routeRefreshInterval: '1m30.5s' }, { refreshMs: 90_500 }, []],
  ['no refresh', { routeRefreshInterval: '0s' }, { refreshMs: 0 }, []],
  ['one that would keep us busy', { routeRefreshInterval: '1ms' }, { refreshMs: 1_000 }, []],
  [
    'one that no timer can wait for',
    { routeRefreshInterval: '9999h' },
    { refreshMs: 86_400_000 },
    [],
  ],
  // Unspecified, redirects, the kernel, boot, administrators; router advertisements, DHCP.
  ...[0, 1, 2, 3, 4, 9, 16].map((protocol): [string, object, object, unknown[]] => [
    `protocol ${protocol}, which others’ routes have`,
    { deviceRouteProtocol: protocol },
    { marks: MARKS },
    [expect.stringContaining(`deviceRouteProtocol ${protocol} is on routes that are not ours`)],
  ]),
])('routes: %s', (_, spec, then, problems) => {
  const found: string[] = [];
  const felix = readFelixConfiguration([configuration('default', spec)], 'one', found);
  expect(deriveRouteSettings(felix, found)).toMatchObject(then);
  expect(found).toEqual(problems);
});

test('what upstream’s users set most is honoured, or named', () => {
  const [honoured, idle] = [
    {
      ...{ vxlanMTU: 1400, vxlanMTUV6: 1400, ipipMTU: 1400, vxlanPort: 4790, vxlanVNI: 7 },
      ...{ natPortRange: '32768:65535', natOutgoingAddress: '192.0.2.9' },
      ...{ natOutgoingExclusions: 'IPPoolsAndHostIPs', programClusterRoutes: 'Enabled' },
      ...{ deviceRouteProtocol: 90, ipv4NormalRoutePriority: 500, ipv6NormalRoutePriority: 600 },
      routeRefreshInterval: '60s',
    },
    {
      ...{ vxlanEnabled: true, ipipEnabled: true, routeTableRanges: [{ min: 1, max: 250 }] },
      ...{ deviceRouteSourceAddress: '192.0.2.1', removeExternalRoutes: true },
      ...{ externalNodesList: ['192.0.2.0/24'], ipv4ElevatedRoutePriority: 512 },
      ...{ interfacePrefix: 'cali', logSeverityScreen: 'Info', mtuIfacePattern: 'eth' },
    },
  ];
  const found: string[] = [];
  readFelixConfiguration([configuration('default', { ...honoured, ...idle })], 'one', found);
  expect(found).toHaveLength(1);
  const [, names] = /^FelixConfiguration "default": kept, .* version: (.*)$/.exec(found[0]!)!;
  expect(names!.split(', ').sort()).toEqual(Object.keys(idle).sort());
});

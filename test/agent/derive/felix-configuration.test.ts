import type { FelixConfiguration } from '../../../api/index.ts';
import { readFelixConfiguration } from '../../../src/agent/derive/felix-configuration.ts';
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
    'one that is malformed is named, and counts as absent',
    [configuration('default', { vxlanPort: 70_000 })],
    DEFAULTS,
    [expect.stringMatching(/^FelixConfiguration "default": spec.vxlanPort/)],
  ],
])('%s', (_, given, then, problems) => {
  const found: string[] = [];
  expect(deriveTunnelSettings(readFelixConfiguration(given, 'one', found))).toEqual(then);
  expect(found).toEqual(problems);
});

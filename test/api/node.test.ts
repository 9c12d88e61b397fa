import { formatAddress } from 'net-ipaddr';
import { nodeAnnotations, readNodeNetwork } from '../../api/index.ts';

const ANNOTATIONS = {
  'projectcalico.org/IPv4Address': '10.0.0.5/24',
  'projectcalico.org/IPv6Address': 'fd00::5/64',
  'projectcalico.org/ASNumber': '4200000001',
  'projectcalico.org/RouteReflectorClusterID': '244.0.0.1',
  'projectcalico.org/IPv4IPIPTunnelAddr': '10.60.0.1',
  'projectcalico.org/IPv4VXLANTunnelAddr': '10.60.0.2',
  'projectcalico.org/IPv6VXLANTunnelAddr': 'fd60::2',
  'projectcalico.org/IPv4UDPTunnelAddr': '10.60.0.3',
  'projectcalico.org/IPv6UDPTunnelAddr': 'fd60::3',
  'projectcalico.org/VXLANTunnelMACAddr': '66:3e:00:12:ab:01',
  'projectcalico.org/VXLANTunnelMACAddrV6': '66:3e:00:12:ab:02',
  'tortie/ReceivingTunnels': 'tunl0,vxlan.calico',
  'tortie/SendingTunnels': 'none',
};

test('all annotations are read, and written as they were', () => {
  const { network, problems } = readNodeNetwork({ name: 'a', annotations: ANNOTATIONS });
  expect(problems).toEqual([]);
  expect(network.asNumber).toBe(4200000001);
  expect(network.sendingTunnels).toEqual([]);
  expect(network.ipv4Address?.length).toBe(24);
  expect(formatAddress(network.ipv4Address!.address)).toBe('10.0.0.5');
  expect(nodeAnnotations(network)).toEqual(ANNOTATIONS);
});

test('what is malformed counts as absent and is named; the rest is read', () => {
  const { network, problems } = readNodeNetwork({
    name: 'a',
    annotations: {
      'projectcalico.org/IPv4Address': 'fd00::5/64',
      'projectcalico.org/ASNumber': 'x',
      'projectcalico.org/VXLANTunnelMACAddr': '66:3e',
      'projectcalico.org/IPv6Address': 'fd00::5',
      'projectcalico.org/IPv4IPIPTunnelAddr': '',
      'tortie/ReceivingTunnels': 'tunl0,,vxlan',
    },
  });
  expect(network).toEqual({ ipv6Address: expect.objectContaining({ length: 128 }) });
  expect(problems).toEqual([
    expect.stringMatching(
      /^Node "a": annotation projectcalico.org\/IPv4Address "fd00::5\/64" is not an IPv4/,
    ),
    expect.stringMatching(/ASNumber "x" is not an AS number/),
    expect.stringMatching(/VXLANTunnelMACAddr "66:3e" is not a MAC address/),
    expect.stringMatching(/ReceivingTunnels "tunl0,,vxlan" is not a list of interfaces/),
  ]);
});

test('a patch removes what is given as undefined and leaves alone what is not given', () => {
  expect(nodeAnnotations({ asNumber: undefined })).toEqual({ 'projectcalico.org/ASNumber': null });
});

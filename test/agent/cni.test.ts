import type { IPPool } from '../../api/index.ts';
import { familiesOf } from '../../src/agent/cni.ts';

function pool(cidr: string, spec: Partial<IPPool['spec']> = {}): IPPool {
  const metadata = { name: 'pool' };
  return { apiVersion: 'projectcalico.org/v3', kind: 'IPPool', metadata, spec: { cidr, ...spec } };
}

test.each<[name: string, six: Partial<IPPool['spec']>, then: number[]]>([
  ['pods may use', {}, [4, 6]],
  ['is disabled', { disabled: true }, [4]],
  ['gives only when asked', { assignmentMode: 'Manual' }, [4]],
  ['is for tunnels', { allowedUses: ['Tunnel'] }, [4]],
  ['is for load balancers', { allowedUses: ['LoadBalancer'] }, [4]],
  ['is malformed', { blockSize: 64 }, [4]],
])('pods get addresses of both families where the IPv6 pool %s: %j', (_, six, then) => {
  expect(familiesOf([pool('fd00::/64', six), pool('10.0.0.0/16')])).toEqual(then);
});

/** An agent's sessions and pods, in the words of its status. */

import { formatAddress } from 'net-ipaddr';
import type { PeerStatus } from '../../bgp/speaker.ts';
import type { Endpoint } from '../../felix/felix.ts';
import type { EndpointStatus, SessionStatus } from '../inspect/agent-status.ts';
import { errorText } from '../inspect/bgp-json.ts';

export function sessionStatus(peer: PeerStatus): SessionStatus {
  return {
    address: peer.address,
    port: peer.port,
    type: peer.type ?? '',
    remoteAs: peer.remoteAs,
    state: peer.state,
    since: peer.sinceMs,
    lastError: peer.lastError && errorText(peer.lastError),
    received: peer.routes.received,
    advertised: peer.routes.advertised,
  };
}

export function endpointStatus(endpoint: Endpoint): EndpointStatus {
  return {
    pod: `${endpoint.namespace}/${endpoint.pod}`,
    containerID: endpoint.containerID,
    interface: endpoint.hostInterface,
    addresses: endpoint.addresses.map(formatAddress),
  };
}

/** What an agent says of itself on its inspect socket, as JSON at GET /status. Times are milliseconds since the epoch. */

export interface SessionStatus {
  address: string;
  port: number;
  /** In calicoctl's words: `node-to-node mesh`, `global`, `node specific`. */
  type: string;
  remoteAs: number | 'external';
  /** RFC 4271's name of the state. */
  state: string;
  since: number;
  /** The last error, as a NOTIFICATION or a TCP error said it. */
  lastError: string | undefined;
  received: number;
  advertised: number;
}

export interface EndpointStatus {
  pod: string;
  containerID: string;
  interface: string;
  addresses: string[];
}

export interface AgentStatus {
  node: string;
  version: string;
  asNumber: number;
  startedAt: number;
  /** When every configured session had been established and its initial routes had arrived. */
  convergedAt: number | undefined;
  /** Why /readyz is not ok. */
  notReady: string[];
  /** The Nodes that it has heard of, itself included. */
  knownNodes: string[];
  sessions: SessionStatus[];
  blocks: string[];
  endpoints: EndpointStatus[];
  /** Packets of the UDP tunnel by counter (felix/tunnel/udp/forwarder/counters.h); absent where no pool uses it. */
  udpTunnel?: Readonly<Record<string, number>>;
  /** Resources that could not be used, routes and interfaces that were refused or are in doubt. */
  problems: string[];
}

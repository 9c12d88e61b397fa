/**
 * ExaBGP 4: it has no RIB, says what it is told to say, byte for byte where need be, and tells of each
 * message that comes.
 */

import { readFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import type { Host } from './host.ts';
import { ends, type Session } from './session.ts';

/** What it writes its events to and reads its commands from. */
const API = `#!/bin/sh
cd "$(dirname "$0")"
exec 3<&0
cat <&3 >>events &
exec tail -n +1 -f commands
`;

const ENVIRONMENT = {
  'exabgp.log.destination': 'stderr',
  'exabgp.log.level': 'ERR',
  'exabgp.daemon.user': 'root',
  'exabgp.api.ack': 'false',
  'exabgp.api.cli': 'false',
};

/** In a neighbor: what we hear of it. */
export const EXABGP_API = `api {
    processes [ api ];
    neighbor-changes;
    receive { parsed; packets; consolidate; open; update; notification; keepalive; }
    send { parsed; packets; consolidate; open; update; notification; }
  }`;

export class Exabgp {
  readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  /** @param config of neighbors that have `EXABGP_API` in them, for commands and events */
  async start(config: string): Promise<void> {
    await this.host.up();
    this.host.write('events', '');
    this.host.write('commands', '');
    const api = this.host.write('api.sh', API, 0o755);
    const file = this.#write(config, api);
    this.host.spawn(['exabgp', file], ENVIRONMENT);
  }

  /** Reads another configuration, as on SIGUSR1. */
  configure(config: string): void {
    this.#write(config, `${this.host.folder}/api.sh`);
    this.host.signal('SIGUSR1');
  }

  /** In its words: `announce route 192.0.2.0/24 next-hop self attribute [0x63 0xe0 0x1234]`. */
  async command(text: string): Promise<void> {
    await appendFile(`${this.host.folder}/commands`, `${text}\n`);
  }

  /** What it told so far, first to last. */
  // biome-ignore lint/suspicious/noExplicitAny: what ExaBGP says
  events(type?: string): any[] {
    const lines = readFileSync(`${this.host.folder}/events`, 'utf8').split('\n');
    // The last may be half written.
    return (
      lines
        .slice(0, -1)
        .filter((line) => line.startsWith('{'))
        // The data of a NOTIFICATION it writes as they are.
        .map((line) => JSON.parse(line.replaceAll(/\p{Cc}/gu, '')))
        .filter((event) => type === undefined || event.type === type)
    );
  }

  /** The UPDATEs that came, End-of-RIB among them as `{ eor }`; else `{ announce, withdraw, attribute }`. */
  // biome-ignore lint/suspicious/noExplicitAny: what ExaBGP says
  updates(): any[] {
    return this.events('update')
      .filter(({ neighbor }) => neighbor.direction === 'receive')
      .map(({ neighbor: { message } }) => message.update ?? message);
  }

  /** Whether its only session is established. */
  get isUp(): boolean {
    return this.events('state').at(-1)?.neighbor.state === 'up';
  }

  #write(config: string, api: string): string {
    return this.host.write(
      'exabgp.conf',
      `process api {\n  run ${api};\n  encoder json;\n}\n${config}`,
    );
  }
}

/** One session with both families. */
export function exabgpConfig(host: Host, session: Session): string {
  const { as, neighborAs, passive = false, holdTimeSec = 90 } = session;
  const [own, ours] = ends(host, session);
  return `neighbor ${ours} {
  router-id ${host.address4};
  local-address ${own};
  local-as ${as};
  peer-as ${neighborAs};
  hold-time ${holdTimeSec};
  ${passive ? 'passive true;\n  listen 179;' : ''}
  family {
    ipv4 unicast;
    ipv6 unicast;
  }
  ${EXABGP_API}
  ${session.options ?? ''}
}
${session.more ?? ''}
`;
}

/** Two network namespaces with a cable between them: the daemon's and the load's. */
import { execFileSync } from 'node:child_process';

export const DAEMON_ADDRESS = '10.0.0.1';
const LENGTH = 16;
const PEERS_PER_THIRD_BYTE = 200;

/** Of the load's peers, by number. */
export function peerAddress(index: number): string {
  const third = 1 + Math.floor(index / PEERS_PER_THIRD_BYTE);
  return `10.0.${third}.${1 + (index % PEERS_PER_THIRD_BYTE)}`;
}

export class Cable {
  /** @param peers how many addresses the load's end has */
  constructor(peers: number) {
    ip('netns add daemon');
    ip('netns add load');
    ip('link add name d0 netns daemon type veth peer name l0 netns load');
    batch('daemon', [`addr add ${DAEMON_ADDRESS}/${LENGTH} dev d0`, ...up('d0')]);
    const addresses = Array.from({ length: peers }, (_, index) => peerAddress(index));
    batch('load', [...addresses.map((one) => `addr add ${one}/${LENGTH} dev l0`), ...up('l0')]);
  }

  cut(): void {
    ip('netns del daemon');
    ip('netns del load');
  }
}

/** The command, run in one of the two namespaces. */
export function inNamespace(name: 'daemon' | 'load', command: readonly string[]): string[] {
  return ['nsenter', `--net=/run/netns/${name}`, ...command];
}

function up(link: string): string[] {
  return ['link set lo up', `link set ${link} up`];
}

function ip(command: string): void {
  execFileSync('ip', command.split(' '));
}

function batch(namespace: string, lines: readonly string[]): void {
  execFileSync('ip', ['-n', namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

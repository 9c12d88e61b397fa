import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon, Scenario } from './daemon.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const PROGRAM = join(ROOT, 'bin', 'bench-speaker.js');

export const tortie: Daemon = {
  id: 'tortie',
  name: 'Tortie',
  package: 'this checkout',
  version() {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    return `${version} on Node ${process.versions.node}`;
  },
  prepare(scenario, folder) {
    const file = join(folder, 'resources.yaml');
    writeFileSync(file, resources(scenario));
    const { address, as, peers } = scenario;
    const isReflector = peers.some(({ isClient }) => isClient);
    return [
      ...[process.execPath, '--disable-warning=ExperimentalWarning', PROGRAM, 'speaker'],
      ...['--node', 'bench', '--address', address, '--as', String(as)],
      ...(isReflector ? ['--cluster-id', address] : []),
      ...['--file', file],
    ];
  },
};

function resources({ peers }: Scenario): string {
  const resource = (kind: string, name: string, spec: object) =>
    JSON.stringify({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });
  return [
    resource('BGPConfiguration', 'default', { nodeToNodeMeshEnabled: false }),
    ...peers.map((peer, index) =>
      resource('BGPPeer', `peer-${index}`, { peerIP: peer.address, asNumber: peer.as }),
    ),
  ].join('\n---\n');
}

/** What a container image is on this machine, where nothing is pulled: the program that its name stands for. */
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { type LabNode, TopologyError } from './topology/topology.ts';

interface Program {
  entrypoint: string[];
  /** Where the node gives no `cmd`. */
  cmd: string[];
  /** Folders that the image would bring. */
  folders: string[];
  /** What must be installed for it, and the Debian package that brings it, where it isn't ours. */
  needs?: { program: string; debianPackage: string };
}

const PROGRAMS: Record<string, Program> = {
  tortie: { entrypoint: ['tortie'], cmd: ['--help'], folders: [] },
  bird: {
    entrypoint: ['bird'],
    cmd: ['-f', '-c', '/etc/bird/bird.conf'],
    folders: ['/run/bird'],
    needs: { program: 'bird', debianPackage: 'bird2' },
  },
  // As FRR's own image does it: /etc/frr/daemons says which daemons, /etc/frr/frr.conf what they do.
  frr: {
    entrypoint: [
      'bash',
      '-c',
      '. /usr/lib/frr/frrcommon.sh && chown frr:frr /run/frr && exec /usr/lib/frr/watchfrr $(daemon_list)',
    ],
    cmd: [],
    folders: ['/run/frr'],
    needs: { program: '/usr/lib/frr/watchfrr', debianPackage: 'frr' },
  },
  // No program of its own: for switches and for hosts whose `exec` says all.
  debian: { entrypoint: [], cmd: [], folders: [] },
  alpine: { entrypoint: [], cmd: [], folders: [] },
};

/** The command that a node runs and the folders that it wants; nothing for a node without a program. */
export function programOf(node: LabNode): { argv: string[]; folders: string[] } {
  if (node.kind !== 'linux' || node.image === undefined) return { argv: node.cmd, folders: [] };
  const program = PROGRAMS[baseName(node.image)];
  if (!program)
    throw new TopologyError(
      `topology.nodes.${node.name}: the lab has no program for the image ${node.image}; it knows ${Object.keys(PROGRAMS).join(', ')}`,
    );
  const entrypoint = node.entrypoint ?? program.entrypoint;
  const argv = [...entrypoint, ...(node.cmd.length > 0 ? node.cmd : program.cmd)];
  if (program.needs && !isInstalled(program.needs.program))
    throw new TopologyError(
      `topology.nodes.${node.name}: ${program.needs.program} is not installed; run: apt-get install ${program.needs.debianPackage}`,
    );
  return { argv, folders: program.folders };
}

/** `ghcr.io/acme/bird:2.0` → `bird`. */
function baseName(image: string): string {
  return image
    .replace(/@.*$/, '')
    .split('/')
    .at(-1)!
    .replace(/:[^:]*$/, '');
}

/** A name is looked for in PATH, a path is what it says. */
function isInstalled(program: string): boolean {
  const folders = isAbsolute(program) ? ['/'] : (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What a container image is on this machine, where nothing is pulled: the program that its name stands for. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type LabNode, TopologyError } from './topology/topology.ts';

interface Program {
  entrypoint: string[];
  /** Where the node gives no `cmd`. */
  cmd: string[];
  /** Folders that the image would bring. */
  folders: string[];
  /** The Debian package that brings it, where it isn't ours. */
  debianPackage?: string;
}

const PROGRAMS: Record<string, Program> = {
  tortie: { entrypoint: ['tortie'], cmd: ['--help'], folders: [] },
  bird: {
    entrypoint: ['bird'],
    cmd: ['-f', '-c', '/etc/bird/bird.conf'],
    folders: ['/run/bird'],
    debianPackage: 'bird2',
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
  if (program.debianPackage && !isInstalled(entrypoint[0]!))
    throw new TopologyError(
      `topology.nodes.${node.name}: ${entrypoint[0]} is not installed; run: apt-get install ${program.debianPackage}`,
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

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

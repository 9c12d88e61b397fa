/** The load and the relay, compiled. */
import { join } from 'node:path';
import { compile } from '../compile.ts';

const SOURCE = join(import.meta.dirname, 'load');
const PROGRAMS = {
  load: ['load.c', 'session.c', 'table.c', 'wire.c'],
  relay: ['relay.c', 'wire.c'],
};

/** @returns the paths of the programs. */
export function compileLoad(): { load: string; relay: string } {
  const folder = compile(SOURCE, PROGRAMS);
  return { load: join(folder, 'load'), relay: join(folder, 'relay') };
}

/** What a daemon has used, all its processes together, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Usage {
  readonly cpuSeconds: number;
  /** Resident now, and at most; pages that processes share count for each. */
  readonly rssMiB: number;
  readonly peakRssMiB: number;
}

/** USER_HZ is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const KIB_PER_MIB = 1024;

/** Of the process and all below it. */
export function usageOf(root: number): Usage {
  let ticks = 0;
  let rssKiB = 0;
  let peakKiB = 0;
  for (const pid of family(root)) {
    const [, , , , , , , , , , , user, system] = statOf(pid);
    ticks += Number(user) + Number(system);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    rssKiB += kibOf(status, 'VmRSS');
    peakKiB += kibOf(status, 'VmHWM');
  }
  return {
    cpuSeconds: ticks / TICKS_PER_SECOND,
    rssMiB: rssKiB / KIB_PER_MIB,
    peakRssMiB: peakKiB / KIB_PER_MIB,
  };
}

function family(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      parents.set(Number(name), Number(statOf(Number(name))[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  const found = [root];
  for (const pid of found)
    for (const [child, parent] of parents) if (parent === pid) found.push(child);
  return found;
}

/** The fields of /proc/<pid>/stat from `state` on: the name before may hold spaces. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function kibOf(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
}

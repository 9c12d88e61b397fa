/**
 * Who may import whom, as ARCHITECTURE.md says. Prints each import that breaks a rule; exit code 1 then.
 *
 *     packages ← api ← ipam, src        packages ← bgp, felix ← src
 *     ports.ts and backoff.ts are open to all but packages;
 *     of the packages only net-ipaddr may be imported by another.
 *     test/ and bench/ may import anything, and nothing imports them.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const MAY_IMPORT: Record<string, readonly string[]> = {
  packages: [],
  api: ['packages'],
  ipam: ['packages', 'api'],
  bgp: ['packages'],
  felix: ['packages'],
  src: ['packages', 'api', 'ipam', 'bgp', 'felix'],
};

const OPEN = ['ports.ts', 'backoff.ts'];

const PACKAGES = ['net-ipaddr', 'bgp-parser-ts', 'rtnetlink-ts'];

const broken: string[] = [];
for (const file of globSync('{packages,api,ipam,bgp,felix,src}/**/*.ts')) {
  if (file.includes('node_modules')) continue;
  for (const specifier of importsOf(readFileSync(file, 'utf8'))) {
    const complaint = judge(file, specifier);
    if (complaint) broken.push(`${file} imports ${specifier}: ${complaint}`);
  }
}
for (const line of broken) console.error(line);
process.exitCode = broken.length > 0 ? 1 : 0;

function importsOf(source: string): string[] {
  const found = source.matchAll(/(?:from|import\()\s*'([^']+)'/g);
  return [...found].map((match) => match[1]!);
}

function judge(file: string, specifier: string): string | undefined {
  const room = roomOf(file);
  if (PACKAGES.includes(specifier)) {
    if (room !== 'packages') return undefined;
    return specifier === 'net-ipaddr'
      ? undefined
      : 'of the packages only net-ipaddr may be imported';
  }
  if (!specifier.startsWith('.')) return undefined;
  const target = normalize(join(dirname(file), specifier));
  const targetRoom = roomOf(target);
  if (room === 'packages') {
    const home = file.split('/').slice(0, 2).join('/');
    return target.startsWith(`${home}/`) ? undefined : 'a package imports only what is its own';
  }
  if (targetRoom === room || OPEN.includes(targetRoom)) return undefined;
  if (targetRoom === 'packages') return 'a package is imported by its name';
  return MAY_IMPORT[room]?.includes(targetRoom)
    ? undefined
    : `${room} may not import ${targetRoom}`;
}

function roomOf(path: string): string {
  return path.split('/')[0]!;
}

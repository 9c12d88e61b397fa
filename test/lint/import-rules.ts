/**
 * Who may import whom, as ARCHITECTURE.md says, and that files do not import one another in a circle, be it for
 * types. Prints each import that breaks a rule; exit code 1 then.
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

const CURE = ': a circle; what both need is to have a file of its own';

const OPEN = ['ports.ts', 'backoff.ts'];

const PACKAGES = ['net-ipaddr', 'bgp-parser-ts', 'rtnetlink-ts'];

const broken: string[] = [];
/** By file: the files of ours that it imports. */
const imports = new Map<string, string[]>();
for (const file of globSync('{packages,api,ipam,bgp,felix,src}/**/*.ts')) {
  if (file.includes('node_modules')) continue;
  const specifiers = importsOf(readFileSync(file, 'utf8'));
  for (const specifier of specifiers) {
    const complaint = judge(file, specifier);
    if (complaint) broken.push(`${file} imports ${specifier}: ${complaint}`);
  }
  const relative = specifiers.filter((specifier) => specifier.startsWith('.'));
  imports.set(
    file,
    relative.map((specifier) => normalize(join(dirname(file), specifier))),
  );
}
for (const circle of circles()) broken.push(`${circle.join(' imports ')}${CURE}`);
for (const line of broken) console.error(line);
process.exitCode = broken.length > 0 ? 1 : 0;

function importsOf(source: string): string[] {
  // Not those in a comment, whose lines begin with a star.
  const found = source.matchAll(/^(?! \*).*(?:from|import\()\s*'([^']+)'/gm);
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

/** Each begins and ends with the same file. */
function circles(): string[][] {
  const found: string[][] = [];
  const seen = new Set<string>();
  const way: string[] = [];
  const visit = (file: string) => {
    const at = way.indexOf(file);
    if (at >= 0) found.push([...way.slice(at), file]);
    if (seen.has(file)) return;
    seen.add(file);
    way.push(file);
    for (const next of imports.get(file) ?? []) visit(next);
    way.pop();
  };
  for (const file of imports.keys()) visit(file);
  return found;
}

function roomOf(path: string): string {
  return path.split('/')[0]!;
}

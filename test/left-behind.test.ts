/** What is left behind is found, and a lab leaves nothing. Needs root; in namespaces that end with each test. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const NAMESPACES = [...['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']];
const MACHINE = `
  import { execFileSync } from 'node:child_process';
  import { leftBehind, RUN_VARIABLE, traces } from '${import.meta.dirname}/left-behind.ts';
  const run = 'a test';
  process.env[RUN_VARIABLE] = run;
  const sh = (command) => execFileSync('sh', ['-ec', command], { stdio: ['ignore', 'inherit', 'inherit'] });
  sh('mount -t tmpfs none /run; mount -t tmpfs none /var/lib; ip link set lo up');
  const before = traces(run);
  for (const [command, deadlineMs] of JSON.parse(process.argv[1])) {
    sh(command);
    console.log(JSON.stringify(await leftBehind(before, run, deadlineMs)));
  }`;

/** On a machine that is like this one, and the test's own. @returns what is left after each step */
async function leftAfter(
  ...steps: readonly (readonly [command: string, deadlineMs: number])[]
): Promise<string[][]> {
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module'];
  const args = [...NAMESPACES, ...node, '--eval', MACHINE, JSON.stringify(steps)];
  const { stdout } = await promisify(execFile)('unshare', args, { timeout: 60_000 });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('links, routes, rules, next hops, tables, namespaces, files and processes that are left are named', async () => {
  const [unavoidable, all] = await leftAfter(
    ['ip link add tunl0 type bridge; (sleep 0.2 &)', 30_000],
    [
      `ip addr add 192.0.2.1/32 dev tunl0
       ip link add forgotten type bridge
       ip route add blackhole 192.0.2.0/24 metric 7
       ip -6 rule add pref 100 from 2001:db8::/64 lookup 7
       ip nexthop add id 7 blackhole
       nft add table inet forgotten
       ip netns add forgotten
       mkdir -p /run/tortie /var/lib/tortie/endpoints
       touch /run/tortie/cni.sock
       sleep 60 > /dev/null &`,
      0,
    ],
  );
  expect(unavoidable).toEqual([]);
  expect(all).toEqual([
    'link tunl0',
    'link forgotten',
    'route blackhole 192.0.2.0/24 metric 7',
    expect.stringMatching(/^route local 192\.0\.2\.1 dev tunl0 table local/),
    expect.stringMatching(/^rule 100:\s+from 2001:db8::\/64 lookup 7$/),
    expect.stringMatching(/^nexthop id 7 blackhole/),
    'nftables table inet forgotten',
    'file /run/netns/forgotten',
    'file /run/tortie/cni.sock',
    'file /var/lib/tortie/endpoints',
    expect.stringMatching(/^process \d+ sleep 60$/),
  ]);
});

describe('a lab', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tortie-lab-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const lab = (exec: string) => {
    const file = join(folder, `${exec}.clab.yml`);
    writeFileSync(
      file,
      `name: short\ntopology: {nodes: {one: {kind: linux, image: debian, exec: ["${exec}"]}}}\n`,
    );
    return `"${process.execPath}" src/tortie.ts lab ${file} --keep > ${folder}/${exec}.log 2>&1`;
  };

  test('killed with -9 leaves nothing', async () => {
    const [running, killed] = await leftAfter(
      [
        `${lab('true')} & echo $! > ${folder}/pid
         until grep -q 'runs until Ctrl-C' ${folder}/true.log; do sleep 0.1; done`,
        0,
      ],
      [`kill -9 $(cat ${folder}/pid)`, 30_000],
    );
    expect(running).toContainEqual(expect.stringMatching(/^process .* tortie-lab\/short$/));
    expect(killed).toEqual([]);
  });

  test('that fails at a node’s command leaves nothing', async () => {
    const [failed] = await leftAfter([
      `! ${lab('false')}; grep -q 'exit code 1' ${folder}/false.log`,
      30_000,
    ]);
    expect(failed).toEqual([]);
  });
});

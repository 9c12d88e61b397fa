/** Who adds the routes: each is asked to add them all, and to take them away again. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compile } from '../compile.ts';
import { blockTexts, FIRST_BLOCK } from './blocks.ts';
import { GATEWAY, Host, LINK } from './host.ts';
import { OwnProcess } from './own-process.ts';
import type { Figures } from './results.ts';

const BIRD_DEADLINE_MS = 20_000;

export interface Way {
  readonly id: string;
  readonly host: Host;
  /** Resolves when it says that the kernel has them all. */
  add(): Promise<void>;
  /** They may still be going when it resolves. */
  remove(): Promise<void>;
  /** Of our own: what it took since the last time asked. */
  figures?(): Promise<Figures>;
  /** Of Felix: has it read the kernel's table, and repair what differs. @returns how much it wrote */
  resync?(): Promise<number>;
  end(): void;
}

/** All of them, ready, each on a host of its own. @param folder for their files */
export async function openWays(count: number, folder: string): Promise<Way[]> {
  return [
    ipBatch(count, folder),
    await bird(count, folder),
    cLoop(count),
    await felix(count, folder),
    await batch(count, folder),
  ];
}

function ipBatch(count: number, folder: string): Way {
  const host = new Host('ip');
  const write = (action: string) => {
    const file = join(folder, `${action}.batch`);
    const lines = blockTexts(count).map(
      (block) => `route ${action} ${block} via ${GATEWAY} metric 1024 proto 80\n`,
    );
    writeFileSync(file, lines.join(''));
    return () => host.run('ip', ['-batch', file]);
  };
  return { id: 'ip', host, add: write('add'), remove: write('del'), end() {} };
}

function cLoop(count: number): Way {
  const host = new Host('c');
  const folder = compile(join(import.meta.dirname, 'load'), { routes: ['routes.c'] });
  const routes = (action: string) => () =>
    host.run(join(folder, 'routes'), [action, FIRST_BLOCK, String(count), GATEWAY, LINK]);
  return { id: 'c', host, add: routes('add'), remove: routes('delete'), end() {} };
}

/** Its static protocol has the routes from the start; its kernel protocol is enabled, and disabled. */
async function bird(count: number, folder: string): Promise<Way> {
  const [file, socket] = [join(folder, 'bird.conf'), join(folder, 'bird.ctl')];
  writeFileSync(file, birdConfiguration(count));
  const host = new Host('bird');
  const daemon = host.spawn('bird', ['-f', '-c', file, '-s', socket]);
  const ask = (...command: string[]) =>
    execFileSync('birdc', ['-s', socket, ...command], { encoding: 'utf8', stdio: 'pipe' });
  const hasRead = () => {
    try {
      return ask('show', 'route', 'count').includes(`${count} of ${count} routes`);
    } catch {
      return false;
    }
  };
  for (const end = performance.now() + BIRD_DEADLINE_MS; !hasRead(); await sleep(50))
    if (performance.now() > end) throw new Error('BIRD has not read its routes');
  return {
    ...{ id: 'bird', host },
    // It does not say when it has done it: its kernel is asked.
    async add() {
      const all = host.countRoutes() + count;
      ask('enable', 'fib');
      await host.until((routes) => routes === all);
    },
    async remove() {
      ask('disable', 'fib');
    },
    end: () => daemon.kill('SIGKILL'),
  };
}

function birdConfiguration(count: number): string {
  const routes = blockTexts(count).map((block) => `  route ${block} via ${GATEWAY};\n`);
  return `log stderr { error, fatal, bug };
router id ${GATEWAY};
protocol device {}
protocol static {
  ipv4;
${routes.join('')}}
protocol kernel fib {
  disabled;
  scan time 3600;
  metric 1024;
  ipv4 { import none; export all; };
}
`;
}

async function felix(count: number, folder: string): Promise<Way> {
  const { process, way } = await ownProcess('tortie', 'felix-process.ts', count, folder);
  return { ...way, resync: () => process.ask<number>('resync') };
}

async function batch(count: number, folder: string): Promise<Way> {
  return (await ownProcess('batch', 'batch-process.ts', count, folder)).way;
}

/** It has been running, as an agent has. */
async function ownProcess(
  id: string,
  script: string,
  count: number,
  folder: string,
): Promise<{ process: OwnProcess; way: Way }> {
  const host = new Host(id);
  const process = await OwnProcess.start(host, script, String(count), join(folder, id));
  const way: Way = {
    ...{ id, host },
    add: () => process.ask('add'),
    remove: () => process.ask('remove'),
    figures: () => process.figures(),
    end: () => process.end(),
  };
  return { process, way };
}

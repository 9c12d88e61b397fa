/** A running lab: its namespaces, its cables, the programs in its nodes. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  CLAB_DIR,
  type CommandResult,
  type Namespaces,
  type Parent,
  runIn,
  runningLabs,
  spawnIn,
  startNode,
  startParent,
} from './namespaces.ts';
import { programOf } from './programs.ts';
import { readTopology } from './topology/file.ts';
import { type LabNode, type Topology, TopologyError } from './topology/topology.ts';
import { wireGateway, wireNode, wireParent } from './wiring.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const PROGRAMS = {
  tortie: join(PROJECT, 'bin/tortie.js'),
  tortiectl: join(PROJECT, 'bin/tortiectl.js'),
};

/** Node keeps what it has read of a program's source here: the second start takes half the time. */
const COMPILE_CACHE = join(PROJECT, 'build/compile-cache');

export interface LabOptions {
  topologyFile: string;
  environment: Readonly<Record<string, string | undefined>>;
  /** Told of each step as it is done. */
  onStep: (text: string) => void;
}

export class Lab {
  readonly topology: Topology;
  readonly #parent: Parent;
  readonly #nodes = new Map<string, Namespaces>();
  readonly #programs = new Map<string, ChildProcess>();

  private constructor(topology: Topology, parent: Parent) {
    this.topology = topology;
    this.#parent = parent;
  }

  /** All nodes wired, their programs started, their `exec` done. On failure nothing is left. */
  static async start(options: LabOptions): Promise<Lab> {
    const { topologyFile, environment, onStep } = options;
    if (!existsSync(topologyFile))
      throw new TopologyError(`there is no topology file ${topologyFile}`);
    const topology = readTopology(topologyFile, readFileSync(topologyFile, 'utf8'), environment);
    if (runningLabs().some((lab) => lab.parent.name === topology.name))
      throw new TopologyError(
        `the lab ${topology.name} runs already; end it first (Ctrl-C where it runs)`,
      );
    const folder = dirname(resolve(topologyFile));
    const lab = new Lab(topology, await startParent(topology.name));
    try {
      const linux = topology.nodes.filter((node) => node.kind === 'linux');
      await Promise.all(linux.map((node) => lab.#startNode(node, folder)));
      await lab.#wire();
      onStep(`${topology.nodes.length} nodes, ${topology.links.length} cables`);
      await Promise.all(linux.map((node) => lab.#startLater(node, onStep)));
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  node(name: string): Namespaces {
    const node = this.#nodes.get(name);
    if (!node) throw new TopologyError(`the lab ${this.topology.name} has no node ${name}`);
    return node;
  }

  run(node: string, argv: readonly string[], input?: string): Promise<CommandResult> {
    // A `tortiectl` starts in half the time.
    const env = { NODE_COMPILE_CACHE: COMPILE_CACHE };
    return runIn(this.node(node), argv, { env, ...(input !== undefined && { input }) });
  }

  /** As `run`, and a failure is an error with what the command printed. */
  async mustRun(node: string, argv: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(node, argv, input);
    if (code === 0) return stdout;
    const said = (stderr.trim() || stdout.trim()).slice(-2000);
    throw new Error(`${node}: ${argv.join(' ')}: exit code ${code}: ${said}`);
  }

  /** Starts a node's program, again if it ran before. */
  startProgram(name: string): void {
    const node = this.topology.nodes.find((candidate) => candidate.name === name)!;
    const { argv } = programOf(node);
    if (argv.length === 0) return;
    const log = `/var/log/${name}.log`;
    const child = spawnIn(this.node(name), ['sh', '-c', `exec "$@" >>${log} 2>&1`, 'sh', ...argv], {
      env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...node.env },
      stdio: 'ignore',
    });
    this.#programs.set(name, child);
  }

  /** Sends a signal to a node's program, not to the nsenter that waits for it; resolves when it has ended. */
  async killProgram(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = this.#programs.get(name);
    if (!child || child.exitCode !== null) throw new Error(`${name}: its program does not run`);
    const exited = once(child, 'exit');
    const [pid] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ');
    process.kill(Number(pid), signal);
    await exited;
  }

  /** How a node's program ended, with the end of its log; undefined while it runs. */
  async programFailure(name: string): Promise<string | undefined> {
    const child = this.#programs.get(name);
    if (!child || (child.exitCode === null && child.signalCode === null)) return undefined;
    const log = await this.run(name, ['tail', '-n', '20', `/var/log/${name}.log`]);
    return `${name}: its program ended with ${child.signalCode ?? child.exitCode}. Its log ends:\n${log.stdout}`;
  }

  async close(): Promise<void> {
    await this.#parent.close();
  }

  async #startNode(node: LabNode, folder: string): Promise<void> {
    const { name, sysctls, networkMode } = node;
    const started = await startNode(this.#parent, {
      name,
      ownNetwork: networkMode !== 'host',
      binds: node.binds.map((bind) => readBind(node, bind, folder)),
      sysctls,
      project: PROJECT,
      programs: PROGRAMS,
    });
    this.#nodes.set(name, started);
  }

  async #wire(): Promise<void> {
    const { topology } = this;
    const pidOf = (name: string) => this.node(name).pid;
    // Entering only the parent's network, so that pids mean to `ip` what they mean here.
    const args = ['nsenter', '-t', String(this.#parent.pid), '-n', 'ip', '-batch', '-'];
    const lines = [...wireParent(topology, this.#parent, pidOf), ...wireGateway(topology)];
    await batch('the cables', SELF, args, lines);
    await Promise.all(
      topology.nodes
        .filter((node) => node.kind === 'linux')
        .map((node) =>
          batch(
            `the links of ${node.name}`,
            this.node(node.name),
            ['ip', '-batch', '-'],
            wireNode(topology, node),
          ),
        ),
    );
  }

  async #startLater(node: LabNode, onStep: (text: string) => void): Promise<void> {
    if (node.startupDelaySeconds > 0) {
      await sleep(node.startupDelaySeconds * 1000);
      onStep(`${node.name}: started ${node.startupDelaySeconds} s late, as the file says`);
    }
    const { folders } = programOf(node);
    if (folders.length > 0) await this.mustRun(node.name, ['mkdir', '-p', ...folders]);
    this.startProgram(node.name);
    for (const command of node.exec) await this.mustRun(node.name, command);
  }
}

/** This process's own namespaces, in the form that runIn enters. */
const SELF: Namespaces = { name: 'self', pid: process.pid };

async function batch(
  what: string,
  where: Namespaces,
  argv: string[],
  lines: string[],
): Promise<void> {
  const done = await runIn(where, argv, { input: `${lines.join('\n')}\n` });
  if (done.code !== 0) {
    const failed = Number(/:(\d+)\s*$/.exec(done.stderr)?.[1]);
    throw new Error(`${what}: ${lines[failed - 1] ?? argv.join(' ')}: ${done.stderr.trim()}`);
  }
}

/** `source:target[:ro]`; a relative source is beside the topology file, `__clabDir__` a folder that all nodes share. */
function readBind(node: LabNode, bind: string, folder: string) {
  const [written, target, mode, ...rest] = bind.split(':');
  const where = `topology.nodes.${node.name}.binds: "${bind}"`;
  if (
    !written ||
    !target ||
    rest.length > 0 ||
    (mode !== undefined && mode !== 'ro' && mode !== 'rw')
  )
    throw new TopologyError(`${where} is not SOURCE:TARGET or SOURCE:TARGET:ro`);
  if (!isAbsolute(target)) throw new TopologyError(`${where}: the target is not an absolute path`);
  const source = written.startsWith('__clabDir__')
    ? written.replace('__clabDir__', CLAB_DIR)
    : resolve(folder, written);
  if (!written.startsWith('__clabDir__') && !existsSync(source))
    throw new TopologyError(`${where}: there is no ${source}`);
  return { source, target, readOnly: mode === 'ro' };
}

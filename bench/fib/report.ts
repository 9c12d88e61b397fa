/** Results as Markdown: what we hold ourselves to, then a table each. */
import { table } from '../performance-page.ts';
import { BLOCKS_A_NODE, NODES } from './cluster.ts';
import type { Addition, Convergence, Figures, Results, Resync } from './results.ts';

const TITLES: Readonly<Record<string, string>> = {
  ip: '`ip -batch`',
  bird: 'BIRD’s kernel protocol',
  c: 'a plain C loop',
  tortie: 'Tortie: Felix, learned routes to kernel',
  batch: 'rtnetlink-ts alone, one batch',
  none: 'unencapsulated, BGP',
  vxlan: 'VXLAN',
  udp: 'UDP',
  ipip: 'IPIP',
};
const OURS = 'tortie';
const TURNS = ['longest turn', 'most CPU of a turn'];

interface Target {
  readonly title: string;
  readonly wanted: string;
  readonly measured: string;
  readonly isMet: boolean;
}

export function report(results: Results, birdVersion: string): string {
  const { date, machine, routes, runs, loadAverages } = results;
  const load = `${Math.min(...loadAverages)}–${Math.max(...loadAverages)}`;
  return [
    `\`npm run bench -- fib\`, ${date}, on ${machine}; load average ${load} before each round. BIRD ${birdVersion}.`,
    `Each figure is the median of ${runs} (least–most), after one that does not count. Everybody has a network namespace of their own, and they take turns.`,
    table(
      ['target', 'wanted', 'measured', ''],
      targets(results).map(({ title, wanted, measured, isMet }) => [
        ...[title, wanted, measured],
        isMet ? 'met' : '**missed**',
      ]),
    ),
    `### ${routes} routes by one gateway, added`,
    'From the command until the kernel has them all, as `ip`, the C loop and Tortie say when they have been answered; BIRD’s kernel is looked at. BIRD and Tortie have run for a while and know the routes, or are told of them 1,000 at a time; `ip` and the C loop start with it. The C loop sends 200 messages at a time and looks at nothing.',
    additionTable(results),
    `### ${routes} unchanged routes, read again`,
    'A resync of Felix, of routes in both families, tunnels, interfaces and nftables; CPU of the process, its kernel side included.',
    table(
      ['time', 'CPU', 'routes written', ...TURNS],
      [
        [
          cell(results.resyncs, ({ ms }) => ms, 'ms'),
          cell(results.resyncs, ({ cpuMs }) => cpuMs, 'ms'),
          cell(results.resyncs, ({ written }) => written, ''),
          ...turnCells(results.resyncs),
        ],
      ],
    ),
    `### A node joins a cluster of ${NODES} nodes with ${BLOCKS_A_NODE} blocks each`,
    'From the API server’s lists, as JSON, until the kernel has all routes, and before them the tunnel’s device, neighbours and forwarding entries: read, derived, decided, written, nftables included. The process has just been started, and does everything for the first time. Unencapsulated, other nodes’ routes come by BGP, a node a turn.',
    convergenceTable(results),
  ].join('\n\n');
}

function targets({ additions, resyncs, convergences }: Results): Target[] {
  const of = (id: string) => median(additions[id]!.map(({ seconds }) => seconds));
  const times = (id: string, least: number): Target => {
    const ratio = of(id) / of(OURS);
    return {
      title: 'routes added',
      wanted: `≥ ${least} × ${TITLES[id]}`,
      measured: `${number(ratio)} ×`,
      isMet: ratio >= least,
    };
  };
  const most = (title: string, most: number, figure: (resync: Resync) => number): Target => {
    const measured = median(resyncs.map(figure));
    return {
      title: `unchanged routes read again: ${title}`,
      wanted: `≤ ${most}`,
      measured: number(measured),
      isMet: measured <= most,
    };
  };
  return [
    times('ip', 2.5),
    times('bird', 1.2),
    most('CPU, ms', 150, ({ cpuMs }) => cpuMs),
    most('routes written', 0, ({ written }) => written),
    most('longest turn of the event loop, ms', 10, ({ turns }) => turns.longestMs),
    ...Object.entries(convergences).flatMap(([id, samples]) =>
      samples.length === 0 ? [] : convergesWithin(1, id, samples),
    ),
  ];
}

function additionTable({ additions, routes }: Results): string {
  const secondsOf = (id: string) => median(additions[id]!.map(({ seconds }) => seconds));
  const rows = Object.entries(additions).map(([id, samples]) => {
    const figures = samples.flatMap((one) => one.figures ?? []);
    return [
      TITLES[id]!,
      cell(samples, ({ seconds }: Addition) => seconds, 's'),
      number(routes / secondsOf(id) / 1000),
      ...['ip', 'bird'].map((other) => `${number(secondsOf(other) / secondsOf(id))} ×`),
      figures.length > 0 ? cell(figures, ({ cpuMs }) => cpuMs, 'ms') : '–',
      ...turnCells(figures),
    ];
  });
  return table(
    [...['', 'time', 'thousand a second', 'speed, of `ip -batch`', 'of BIRD'], 'CPU', ...TURNS],
    rows,
  );
}

function convergesWithin(most: number, id: string, samples: readonly Convergence[]): Target {
  const measured = median(samples.map(({ seconds }) => seconds));
  return {
    title: `a node joins ${NODES} nodes: ${TITLES[id]}`,
    wanted: `≤ ${most} s`,
    measured: `${number(measured)} s`,
    isMet: measured <= most,
  };
}

function convergenceTable({ convergences }: Results): string {
  const rows = Object.entries(convergences).map(([id, samples]) =>
    samples.length === 0
      ? [TITLES[id]!, 'this kernel has no such tunnels', '', '', '', '']
      : [
          TITLES[id]!,
          cell(samples, ({ seconds }) => seconds, 's'),
          cell(samples, ({ cpuMs }) => cpuMs, 'ms'),
          cell(samples, ({ peakRssMiB }) => peakRssMiB, 'MiB'),
          ...turnCells(samples),
        ],
  );
  return table(['', 'time', 'CPU', 'peak RSS', ...TURNS], rows);
}

function turnCells(figures: readonly Figures[]): string[] {
  if (figures.length === 0) return ['–', '–'];
  return [
    cell(figures, ({ turns }) => turns.longestMs, 'ms'),
    cell(figures, ({ turns }) => turns.longestCpuMs, 'ms'),
  ];
}

function cell<T>(samples: readonly T[], of: (sample: T) => number, unit: string): string {
  const values = samples.map(of);
  const range =
    values.length > 1 ? ` (${number(Math.min(...values))}–${number(Math.max(...values))})` : '';
  return `${[number(median(values)), unit].join(' ').trim()}${range}`;
}

/** Of an odd number of values. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** Three digits that count. */
function number(value: number): string {
  if (value === 0) return '0';
  if (value >= 100) return value.toFixed(0);
  if (value >= 10) return value.toFixed(1);
  return value >= 1 ? value.toFixed(2) : value.toFixed(3);
}

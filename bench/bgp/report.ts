/** Results as Markdown: first what we hold ourselves to, then a table a workload. */
import { table } from '../performance-page.ts';
import { DAEMONS } from './daemons/index.ts';
import type { DaemonResult, Results, WorkloadResult } from './results.ts';
import { type Figure, WORKLOADS, type Workload } from './workloads.ts';

const OURS = 'tortie';
const MEASURE = 'bird';
const LOAD = 'relay';

export function report(results: Results): string {
  const measured = results.workloads.map((result) => ({
    result,
    workload: WORKLOADS.find(({ id }) => id === result.workload)!,
  }));
  return [
    head(results),
    targets(measured),
    ...measured.map(({ workload, result }) => workloadSection(workload, result, results.runs)),
  ].join('\n\n');
}

interface Measured {
  readonly workload: Workload;
  readonly result: WorkloadResult;
}

function head(results: Results): string {
  const versions = Object.entries(results.versions)
    .filter(([id]) => id !== LOAD)
    .map(([id, version]) => `${nameOf(id)} ${version}`);
  const missing = Object.entries(results.missing).map(([id, why]) => `${nameOf(id)}: ${why}`);
  const load = results.loadAverages;
  return [
    `\`npm run bench -- bgp\`, ${results.date}, on ${results.machine}; load average ${Math.min(...load)}–${Math.max(...load)} (1 daemon and the load: up to 2).`,
    `${versions.join(', ')}.`,
    ...missing,
    '',
    `Each figure is the median of ${runs(results.runs)} (least–most), after one that does not count; slow daemons have fewer, which is said, and a run of more than 12 s counts at once. Each run starts the daemon afresh, in namespaces of its own, and daemons take turns. Sets of attributes have 5 prefixes in the mean, AS paths 2 to 6 numbers. Nobody installs routes in a kernel. FRR’s advertisement interval is 0. CPU and memory are the daemon’s, all its processes together. The load checks every prefix that it gets back; “the load alone” is a relay of bytes in a daemon’s place.`,
    ...(results.isQuick ? ['', '**A quick run: a tenth of the routes.**'] : []),
  ].join('\n');
}

/** Every target and whether it is met. */
function targets(measured: readonly Measured[]): string {
  const rows = measured.flatMap(({ workload, result }) =>
    workload.figures
      .filter(({ target }) => target !== undefined)
      .map((figure) => [`${workload.title}: ${figure.title}`, ...judge(figure, result)]),
  );
  return table(['target', 'wanted', 'measured', ''], rows);
}

function judge(figure: Figure, result: WorkloadResult): string[] {
  const ours = medianOf(result, OURS, figure);
  const target = figure.target!;
  if ('atMost' in target) {
    const wanted = `≤ ${target.atMost} ${figure.unit}`;
    if (ours === undefined) return [wanted, 'not measured', ''];
    return [wanted, shown(ours, figure), ours <= target.atMost ? 'met' : '**missed**'];
  }
  const wanted = `≤ ${target.timesBird} × BIRD`;
  const birds = medianOf(result, MEASURE, figure);
  if (ours === undefined || birds === undefined) return [wanted, 'not measured', ''];
  const ratio = ours / birds;
  return [wanted, `${ratio.toFixed(2)} ×`, ratio <= target.timesBird ? 'met' : '**missed**'];
}

function workloadSection(workload: Workload, result: WorkloadResult, wanted: number): string {
  const { figures } = workload;
  const rows = result.daemons.map((daemon) => [
    rowName(daemon, wanted),
    ...figures.map((figure) => cell(daemon, figure, result)),
  ]);
  return [
    `### ${workload.title}`,
    '',
    table(['', ...figures.map(({ title }) => title)], rows),
    ...checks(workload, result),
    ...result.daemons.flatMap(({ daemon, failure }) =>
      failure === undefined ? [] : ['', `${nameOf(daemon)}: ${failure}.`],
    ),
  ].join('\n');
}

function rowName({ daemon, samples }: DaemonResult, wanted: number): string {
  const isLess = samples.length > 0 && samples.length < wanted;
  return isLess ? `${nameOf(daemon)} (${runs(samples.length)})` : nameOf(daemon);
}

function runs(count: number): string {
  return count === 1 ? '1 run' : `${count} runs`;
}

function cell(daemon: DaemonResult, figure: Figure, result: WorkloadResult): string {
  const values = valuesOf(daemon, figure);
  const middle = median(values);
  if (middle === undefined) return '–';
  const range =
    values.length > 1 ? ` (${number(Math.min(...values))}–${number(Math.max(...values))})` : '';
  const birds = medianOf(result, MEASURE, figure);
  const isCompared = figure.target !== undefined && 'timesBird' in figure.target;
  const ratio =
    isCompared && birds !== undefined && daemon.daemon !== MEASURE
      ? `, ${(middle / birds).toFixed(2)} ×`
      : '';
  return `${shown(middle, figure)}${range}${ratio}`;
}

/** Whether what is measured is the daemons and not the load. */
function checks({ figures }: Workload, result: WorkloadResult): string[] {
  return figures.flatMap((figure) => {
    const alone = medianOf(result, LOAD, figure);
    if (!figure.isCheckedAgainstLoad || alone === undefined) return [];
    const others = result.daemons.filter(({ daemon }) => daemon !== LOAD);
    const fastest = Math.min(
      ...others.map((daemon) => median(valuesOf(daemon, figure)) ?? Number.POSITIVE_INFINITY),
    );
    if (!Number.isFinite(fastest)) return [];
    return alone < fastest
      ? [
          '',
          `Self-check: the load alone is ${(fastest / alone).toFixed(1)} times as fast as the fastest daemon.`,
        ]
      : [
          '',
          '**Self-check failed: the load alone is slower than a daemon, so this measures the load.**',
        ];
  });
}

function medianOf(result: WorkloadResult, id: string, figure: Figure): number | undefined {
  const daemon = result.daemons.find((one) => one.daemon === id);
  return daemon && median(valuesOf(daemon, figure));
}

function valuesOf({ samples }: DaemonResult, { id }: Figure): number[] {
  return samples.map((sample) => sample[id]).filter((value) => value !== undefined);
}

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : mean(sorted[middle - 1], sorted[middle]);
}

function mean(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : (a + b) / 2;
}

function shown(value: number, { unit }: Figure): string {
  return unit === '' ? number(value) : `${number(value)} ${unit}`;
}

/** Three digits that count. */
function number(value: number): string {
  if (value === 0) return '0';
  if (value >= 100) return value.toFixed(0);
  if (value >= 10) return value.toFixed(1);
  return value >= 1 ? value.toFixed(2) : value.toFixed(3);
}

function nameOf(id: string): string {
  return DAEMONS.find((daemon) => daemon.id === id)?.name ?? id;
}

/** Results as Markdown: what we hold ourselves to, and a table each without and with a busy agent. */
import { table } from '../performance-page.ts';
import { ENCAPSULATIONS, MEASURE, OURS } from './encapsulations.ts';
import type { Results, Sample } from './results.ts';

const LEAST_TIMES = 2;

interface Figure {
  readonly title: string;
  readonly digits: number;
  of(sample: Sample): number;
}

const RATE: Figure = { title: 'Gbit/s', digits: 2, of: (sample) => sample.gigabitsPerSecond };
const FIGURES: readonly Figure[] = [
  RATE,
  { title: 'CPU s per GB', digits: 2, of: (sample) => sample.cpuSecondsPerGigabyte },
  { title: 'ping p50, ms', digits: 3, of: (sample) => sample.pingP50Ms },
  { title: 'ping p99, ms', digits: 3, of: (sample) => sample.pingP99Ms },
];

export function report(results: Results): string {
  const { date, machine, runs, seconds, pings, loadAverages } = results;
  const load = `${Math.min(...loadAverages)}–${Math.max(...loadAverages)}`;
  return [
    `\`npm run bench -- udp\`, ${date}, on ${machine}; load average ${load} before each round.`,
    `Two network namespaces on one machine, a veth pair of MTU 1500 between them, IPv4. Median of ${runs} (least–most), in turns: ${pings} pings, 2 ms apart, then one TCP stream for ${seconds} s. CPU is the whole machine’s: both ends, kernel and stream. “One packet a system call” is Flannel’s way, in C, without any check of senders and sources.`,
    table(
      ['target', 'wanted', 'measured', ''],
      [false, true].map((isBusy) => judge(results, isBusy)),
    ),
    '### Nothing else runs',
    figures(results, false),
    '### A busy agent beside: a process that takes all of one core',
    figures(results, true),
  ].join('\n\n');
}

function judge(results: Results, isBusy: boolean): string[] {
  const rate = (id: string) => middle(samplesOf(results, id, isBusy).map(RATE.of));
  const ratio = rate(OURS) / rate(MEASURE);
  return [
    `one TCP stream by our forwarder${isBusy ? ', a busy agent beside' : ''}`,
    `≥ ${LEAST_TIMES} × one packet a system call`,
    `${ratio.toFixed(1)} ×`,
    ratio >= LEAST_TIMES ? 'met' : '**missed**',
  ];
}

function figures(results: Results, isBusy: boolean): string {
  const rows = ENCAPSULATIONS.map(({ id, title }) => {
    const samples = samplesOf(results, id, isBusy);
    return [title, ...FIGURES.map(({ of, digits }) => cell(samples.map(of), digits))];
  });
  return table(['', ...FIGURES.map(({ title }) => title)], rows);
}

function cell(values: readonly number[], digits: number): string {
  const shown = (value: number) => value.toFixed(digits);
  const range = `${shown(Math.min(...values))}–${shown(Math.max(...values))}`;
  return values.length > 1 ? `${shown(middle(values))} (${range})` : shown(middle(values));
}

function samplesOf({ measured }: Results, id: string, isBusy: boolean): readonly Sample[] {
  return measured.find((one) => one.id === id && one.isBusy === isBusy)!.samples;
}

/** Of an odd number of values. */
function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

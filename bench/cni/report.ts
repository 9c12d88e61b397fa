/** What was measured of CNI plugins as Markdown: what we hold ourselves to, then all of it. Pure. */
import { table } from '../performance-page.ts';
import { AT_A_TIME, COMMANDS, type Times } from './measure.ts';

interface Circumstances {
  readonly date: string;
  readonly machine: string;
  readonly load: string;
}

/** The last one is what the others are held against. */
export function report(results: ReadonlyMap<string, Times>, of: Circumstances): string {
  const [[, reference] = ['', new Map()], ...reversed] = [...results].reverse();
  const ours = reversed.reverse();
  return [
    `\`npm run bench -- cni\`, ${of.date}, on ${of.machine}; load average at the end ${of.load}.`,
    'Milliseconds from the start of the plugin’s process to its end, as a runtime waits for it; by turns, IPv4, ' +
      '40 sandboxes a round, after one that does not count. The reference is Debian’s, without ipMasq.',
    '',
    'With blocks an ADD is two durable writes, one after the other: the handle, then the block, whose write those share ' +
      'that come together. Each is a request by TLS to another process on the same cores: what else the machine does ' +
      'shows here first.',
    '',
    table(
      ['target', 'wanted', 'measured', ''],
      ours.flatMap(([name, times], index) =>
        targets(index === 0).map(([key, most]) => {
          const ratio = quantile(times.get(key)!, 0.5) / quantile(reference.get(key)!, 0.5);
          const wanted = `≤ ${most} × ptp + host-local`;
          const verdict = ratio <= most ? 'met' : '**missed**';
          return [`${name}: p50 of ${titleOf(key)}`, wanted, `${ratio.toFixed(2)} ×`, verdict];
        }),
      ),
    ),
    '',
    table(
      ['', ...KEYS.map((key) => `${titleOf(key)}: p50, p99`)],
      [...results].map(([name, times]) => [name, ...KEYS.map((key) => cell(times.get(key)!))]),
    ),
  ].join('\n');
}

const KEYS = AT_A_TIME.flatMap((atATime) => COMMANDS.map((command) => `${command} ${atATime}`));

function targets(isHostLocal: boolean): [key: string, most: number][] {
  return [
    ['ADD 1', isHostLocal ? 0.5 : 0.8],
    ['ADD 20', 0.5],
    ['DEL 1', 1],
    ['DEL 20', 0.5],
  ];
}

function titleOf(key: string): string {
  const [command, atATime] = key.split(' ');
  return atATime === '1' ? `${command}` : `${command}, ${atATime} at a time`;
}

function cell(times: readonly number[]): string {
  return `${quantile(times, 0.5).toFixed(1)}, ${quantile(times, 0.99).toFixed(1)}`;
}

/** The least value that this part of all does not exceed. */
function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * part) - 1]!;
}

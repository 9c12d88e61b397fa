/**
 * `npm test`: lint, types, dead code, import rules, then every suite; last, one line that counts it all:
 * `N passed, N failed, N skipped`. The exit code is 0 only if nothing failed and something passed. That nothing is left
 * on the machine afterwards is one of the checks.
 *
 * Suites run two at a time, those with daemons, which mostly wait, after those that compute; what judges
 * fractions of a second runs last and alone.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { leftBehind, RUN_VARIABLE, traces } from './left-behind.ts';

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/** What is read of jest's --json. */
interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numRuntimeErrorTestSuites: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { assertionResults: { status: string; fullName: string }[] }[];
}

const CHECKS: readonly (readonly [name: string, ...command: string[]])[] = [
  ['lint', 'node_modules/.bin/biome', 'check', '--error-on-warnings', '.'],
  ['types', 'node_modules/.bin/tsc'],
  ['dead code', process.execPath, 'node_modules/knip/bin/knip.js'],
  ['import rules', process.execPath, 'test/lint/import-rules.ts'],
];

/** Suites with daemons or whole labs. */
const WITH_DAEMONS = 'test/(lab|interop|kube|agent|cni|datastore|uml)/';
/** BFD finds out within 900 ms who says nothing: a machine that does something else may be silent so long. */
const ALONE = 'test/(lab/(mesh|tor-frr)|interop/bfd)';

/** For what was told to end as the last test did. */
const ENDING_DEADLINE_MS = 30_000;

const total: Count = { passed: 0, failed: 0, skipped: 0 };
const scratch = mkdtempSync(join(tmpdir(), 'tortie-test-'));
process.env[RUN_VARIABLE] = scratch;
const before = traces(scratch);
try {
  for (const [name, command, ...args] of CHECKS) add(check(name, command!, args));
  const only = (pattern: string) => `--testPathPatterns=${pattern}`;
  const not = (pattern: string) => `--testPathIgnorePatterns=${pattern}`;
  add(jest('suites', ['--maxWorkers=2', not(WITH_DAEMONS)]));
  add(jest('suites with daemons', ['--maxWorkers=2', only(WITH_DAEMONS), not(ALONE)]));
  add(jest('suites alone', ['--runInBand', only(ALONE)]));
  add(await nothingLeft());
} finally {
  rmSync(scratch, { recursive: true });
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

function check(name: string, command: string, args: string[]): Count {
  console.log(`== ${name}`);
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  return oneCheck(status === 0);
}

async function nothingLeft(): Promise<Count> {
  console.log('== nothing is left on this machine');
  const left = await leftBehind(before, scratch, ENDING_DEADLINE_MS);
  for (const trace of left) console.log(`left behind: ${trace}`);
  return oneCheck(left.length === 0);
}

function oneCheck(isPassed: boolean): Count {
  return { passed: isPassed ? 1 : 0, failed: isPassed ? 0 : 1, skipped: 0 };
}

function jest(name: string, args: string[]): Count {
  console.log(`== ${name}`);
  const output = join(scratch, `${name}.json`);
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const command = [...flags, 'node_modules/jest/bin/jest.js', '--json', `--outputFile=${output}`];
  // Jest's JSON also goes to standard output; the readable report is on standard error.
  const done = spawnSync(process.execPath, [...command, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    const report: JestReport = JSON.parse(readFileSync(output, 'utf8'));
    for (const title of skippedTitles(report)) console.log(`skipped: ${title}`);
    return {
      passed: report.numPassedTests,
      // A suite that does not even load has no failed test of its own, and counts as one.
      failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
      skipped: report.numPendingTests + report.numTodoTests,
    };
  } catch {
    console.error(`${name}: jest ended with ${done.signal ?? done.status} and left no report`);
    return oneCheck(false);
  }
}

/** A skipped test's title says what is missing. */
function skippedTitles(report: JestReport): string[] {
  return report.testResults
    .flatMap((suite) => suite.assertionResults)
    .filter((test) => test.status === 'pending' || test.status === 'todo')
    .map((test) => test.fullName);
}

function add(count: Count): void {
  total.passed += count.passed;
  total.failed += count.failed;
  total.skipped += count.skipped;
}

/** What the forwarder makes of damaged tables and datagrams: fuzz.c, with the compiler's sanitizers. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SOURCE = fileURLToPath(new URL('../../../../felix/tunnel/udp/forwarder', import.meta.url));
const FUZZ = fileURLToPath(new URL('./fuzz.c', import.meta.url));
const PARTS = ['packet.c', 'coalesce.c', 'segment.c', 'table.c'];
const SANITIZERS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const ROUNDS = 5_000;

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'forwarder-fuzz-'));
  const flags = ['-O1', '-g', '-D_GNU_SOURCE', '-I.', ...SANITIZERS, '-o', join(folder, 'fuzz')];
  await run('cc', [...flags, FUZZ, ...PARTS], { cwd: SOURCE });
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

test.each([1, 2, 3])(
  'seed %d: nothing is read or written beside what is there, and what is joined comes apart as it was',
  async (seed) => {
    const words = [`${seed}`, `${ROUNDS}`, join(folder, 'table')];
    const { stdout } = await run(join(folder, 'fuzz'), words, { maxBuffer: 64 << 20 });
    const [, joined] = /^joined (\d+)$/m.exec(stdout)!;
    expect(Number(joined)).toBeGreaterThan(ROUNDS);
  },
  60_000,
);

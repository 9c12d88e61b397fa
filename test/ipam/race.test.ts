import { spawnSync } from 'node:child_process';

test('nodes that race, fail, die and are collected from never share or lose an address', () => {
  // Runs outside the test's vm context, where every access to a global costs.
  const program = `${import.meta.dirname}/race.ts`;
  const child = spawnSync(process.execPath, [program, '1', '12'], { encoding: 'utf8' });
  expect(child.stderr).toBe('');
  const { wrong, ...counts } = JSON.parse(child.stdout);
  expect(wrong).toEqual({});
  // It was a race worth the name.
  expect(counts.assigned).toBeGreaterThan(1_000);
  expect(counts.released).toBeGreaterThan(1_000);
  expect(counts.failed).toBeGreaterThan(50);
  expect(counts.died).toBeGreaterThan(20);
  expect(counts.collected).toBeGreaterThan(10);
}, 120_000);

/** ESM under jest needs `node --experimental-vm-modules`; `npm test` and CONTRIBUTING.md say how. */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/build/'],
  // Longer than tests wait for what they expect, on a machine that has more to do.
  testTimeout: 60_000,
  // Of one file's test.concurrent: scenarios that mostly wait for daemons.
  maxConcurrency: 3,
};

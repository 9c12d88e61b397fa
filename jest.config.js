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
  testTimeout: 20_000,
  // Of one file's test.concurrent: scenarios that mostly wait for daemons.
  maxConcurrency: 3,
};

import { runUnderNode24 } from './node24.js';

await runUnderNode24('test/run.ts');

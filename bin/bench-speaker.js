import { runUnderNode24 } from './node24.js';

await runUnderNode24('bench/bgp/tortie-speaker.ts');

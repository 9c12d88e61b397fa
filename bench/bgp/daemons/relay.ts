import { compileLoad } from '../compile.ts';
import type { Daemon } from './daemon.ts';

/** No daemon: it passes bytes on. What it takes is what the load itself takes. */
export const relay: Daemon = {
  id: 'relay',
  name: 'the load alone',
  package: 'this checkout',
  version: () => 'a relay of bytes',
  prepare({ address, as, holdTimeSec }) {
    return [compileLoad().relay, String(as), address, String(holdTimeSec)];
  },
};

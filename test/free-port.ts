/** For daemons that must be told a port of the loopback before they listen on it. */

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that the kernel gives to connections: none of them takes it before the daemon does. */
const [LOWEST, END] = [10_000, 32_768];

export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, END);
    const probe = createServer();
    const isFree = await new Promise((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    probe.close();
    await once(probe, 'close');
    return port;
  }
}

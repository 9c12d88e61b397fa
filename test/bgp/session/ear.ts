/** The kernel's TCP, and what a stream of it tells. */

import { tcpTransport } from '../../../bgp/transport/tcp.ts';
import type { Stream } from '../../../bgp/transport/transport.ts';

export const transport = tcpTransport({
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
});

export class Ear {
  isConnected = false;
  writable = 0;
  closedWhy: string | undefined;
  octets = 0;

  constructor(stream: Stream) {
    stream.attach({
      connected: () => {
        this.isConnected = true;
      },
      data: (chunk) => {
        this.octets += chunk.length;
      },
      writable: () => this.writable++,
      closed: (why) => {
        this.closedWhy = why;
      },
    });
  }
}

export async function until(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`not within 30 s: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

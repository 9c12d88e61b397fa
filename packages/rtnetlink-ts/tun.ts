/** TUN devices: made by ioctl on /dev/net/tun, which rtnetlink cannot. */

import type { Namespace } from './codec/link.ts';

/** A persistent TUN (layer 3, no packet information header) for a reader to attach to. */
export function createTun(
  _name: string,
  _options?: { readonly netns?: Namespace /** @default false */; readonly vnetHeader?: boolean },
): void {
  throw new Error('not wired yet');
}

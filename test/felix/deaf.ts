/** A kernel that tells of nothing: what felix finds it finds by looking, so that a test can count the looks. */

import type { Kernel, Netlink } from '../../felix/kernel.ts';

export function deaf(kernel: Kernel): Kernel {
  const monitor = () => ({ close() {} });
  const host = new Proxy<Netlink>(kernel.host, {
    get(netlink, name) {
      if (name === 'monitor') return monitor;
      const value = Reflect.get(netlink, name, netlink);
      return typeof value === 'function' ? value.bind(netlink) : value;
    },
  });
  return { ...kernel, host, watchNft: monitor };
}

/** TUN devices: made by ioctl on /dev/net/tun, which rtnetlink cannot. linux/if_tun.h. */
import { closeSync, openSync } from 'node:fs';
import { addon } from './addon.ts';
import type { Namespace } from './codec/link-kind.ts';
import { inNamespace } from './namespace.ts';
import { checked } from './system-call-error.ts';

const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const IFF_TUN = 0x0001;
/** No four bytes of flags and protocol before each packet. */
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;

/** struct ifreq: name 16, flags 2, and room for the larger members of its union. */
const IFREQ_BYTES = 40;
const IFREQ_FLAGS_AT = 16;
const MAX_NAME_BYTES = 15;

/**
 * A persistent TUN (layer 3, no packet information header) for a reader to attach to. It lives until
 * it is deleted as a link; one of this name that is there and has no reader is taken over.
 *
 * @throws SystemCallError 'EBUSY' when it has a reader, 'EPERM'; an Error of open(2) without /dev/net/tun.
 */
export function createTun(
  name: string,
  options: { readonly netns?: Namespace /** @default false */; readonly vnetHeader?: boolean } = {},
): void {
  if (Buffer.byteLength(name) > MAX_NAME_BYTES || name === '')
    throw new TypeError(`"${name}" is not an interface name: it takes 1–${MAX_NAME_BYTES} bytes`);
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(name);
  const flags = IFF_TUN | IFF_NO_PI | (options.vnetHeader ? IFF_VNET_HDR : 0);
  new Uint16Array(request.buffer, request.byteOffset + IFREQ_FLAGS_AT, 1)[0] = flags;
  const create = () => {
    // The device is made in the namespace in which this file is opened.
    const fd = openSync('/dev/net/tun', 'r+');
    try {
      checked(addon.ioctl(fd, TUNSETIFF, request), `creating tun ${name}`);
      checked(addon.ioctl(fd, TUNSETPERSIST, 1), `making tun ${name} persistent`);
    } finally {
      closeSync(fd);
    }
  };
  inNamespace(options.netns, create);
}

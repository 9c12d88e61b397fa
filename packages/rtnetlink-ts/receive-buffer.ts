/** How much may wait in a socket until it is read. */
import { addon } from './addon.ts';
import { SOL_SOCKET } from './internet-socket.ts';
import { errnoName } from './system-call-error.ts';

const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;

/** Beyond the administrator's limit (net.core.rmem_max) where we may, else as far as it goes. */
export function setReceiveBuffer(fd: number, bytes: number): void {
  // The kernel doubles the number, for its own overhead.
  const result = addon.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes >> 1);
  if (errnoName(-result) === 'EPERM') addon.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, bytes >> 1);
}

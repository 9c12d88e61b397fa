import { addon, type Poll } from './addon.ts';
import { checked } from './system-call-error.ts';

/** @throws SystemCallError */
export function startPoll(fd: number, callback: () => void): Poll {
  const poll = addon.pollStart(fd, callback);
  if (typeof poll === 'number') checked(poll, 'waiting for a socket');
  return poll as Poll;
}

/** What may be told to an agent or speaker on this machine: HTTP on a Unix socket that only its user and root can open. */
import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { finished } from 'node:stream';
import { controlSocket } from './client.ts';

export interface Leave {
  /** For how long peers are asked to take other paths before the sessions end. */
  readonly drainSec: number;
  /** For the people at the peers, up to 255 octets. */
  readonly reason: string;
}

/**
 * Serves `POST /leave?drainSec=&reason=`, which is answered when `leave` is through.
 *
 * @param inspectSocket Beside this one.
 * @param left That answer is out: nothing is left to do but to end.
 */
export async function serveControl(
  inspectSocket: string,
  leave: (how: Leave) => Promise<void>,
  left: () => void,
): Promise<Server> {
  const path = controlSocket(inspectSocket);
  // What an agent that was killed left behind: nobody answers there.
  rmSync(path, { force: true });
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const drainSec = Number(searchParams.get('drainSec'));
    if (request.method !== 'POST' || pathname !== '/leave') {
      response.statusCode = 404;
      return void response.end('there is POST /leave\n');
    }
    if (!(drainSec >= 0 && drainSec <= 3600)) {
      response.statusCode = 400;
      return void response.end('drainSec is not a number of seconds from 0 to 3600\n');
    }
    const how = { drainSec, reason: searchParams.get('reason') ?? '' };
    leave(how).then(
      () => finished(response.end('left\n'), left),
      (error: Error) => {
        response.statusCode = 500;
        response.end(`${error.message}\n`);
      },
    );
  });
  server.maxConnections = 4;
  server.listen(path);
  await once(server, 'listening');
  chmodSync(path, 0o600);
  return server;
}

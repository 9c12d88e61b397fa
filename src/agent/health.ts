/** `/healthz`: the process answers. `/readyz`: it does its work, or why it does not. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

/** ADDRESS:PORT, an IPv6 address in brackets. */
export async function serveHealth(listen: string, notReady: () => string[]): Promise<Server> {
  const [, host, port] = /^\[?([^\]]*)\]?:(\d+)$/.exec(listen)!;
  const server = createServer((request, response) => {
    if (request.url === '/healthz') return void response.end('ok\n');
    if (request.url === '/readyz') {
      const reasons = notReady();
      response.statusCode = reasons.length === 0 ? 200 : 503;
      return void response.end(reasons.length === 0 ? 'ok\n' : `${reasons.join('\n')}\n`);
    }
    response.statusCode = 404;
    response.end('there is /healthz and /readyz\n');
  });
  server.requestTimeout = 5_000;
  server.maxConnections = 64;
  server.listen(Number(port), host);
  await once(server, 'listening');
  return server;
}

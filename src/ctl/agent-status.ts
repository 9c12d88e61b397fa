/** Reads an agent's status from its inspect socket. */
import { request } from 'node:http';
import type { AgentStatus } from '../agent/status.ts';

export const INSPECT_SOCKET = '/run/tortie/inspect.sock';
const DEADLINE_MS = 5_000;

/** Rejects with an error whose `code` is the socket's (ENOENT, ECONNREFUSED, EACCES) when nobody answers. */
export function readAgentStatus(socketPath = INSPECT_SOCKET): Promise<AgentStatus> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path: '/status', timeout: DEADLINE_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(body));
        else reject(new Error(`${socketPath}: HTTP ${response.statusCode}: ${body.trim()}`));
      });
    });
    call.on('timeout', () => call.destroy(new Error(`${socketPath}: no answer within 5 s`)));
    call.on('error', reject);
    call.end();
  });
}

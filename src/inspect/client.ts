/** Asks an agent or a speaker on this machine what it knows, over its inspect socket. */
import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import type { AgentStatus } from './agent-status.ts';
import type { PeerJson, RouteJson, SpeakerJson } from './bgp-json.ts';

export const INSPECT_SOCKET = '/run/tortie/inspect.sock';
/** Another one for `tortie speaker`: it may run beside an agent. */
export const SPEAKER_SOCKET = '/run/tortie/speaker.sock';
/** Beside an inspect socket: whoever may look at an agent or speaker may not also end it. */
export function controlSocket(inspectSocket: string): string {
  return `${inspectSocket.replace(/\.sock$/, '')}.control.sock`;
}

/** Without a byte of the answer. */
const DEADLINE_MS = 5_000;

export interface RouteQuery {
  /** One route. */
  readonly prefix?: string | undefined;
  /** Those inside a prefix. */
  readonly in?: string | undefined;
  /** Those that a peer sent, or was sent; by its name. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

// All reject with an error whose `code` is the socket's (ENOENT, ECONNREFUSED, EACCES) when nobody answers.

export function readAgentStatus(socketPath = INSPECT_SOCKET): Promise<AgentStatus> {
  return readJson(socketPath, '/status');
}

export function agentRuns(): Promise<boolean> {
  return readAgentStatus().then(
    () => true,
    () => false,
  );
}

export function readSpeaker(socketPath: string): Promise<SpeakerJson> {
  return readJson(socketPath, '/bgp/speaker');
}

export function readPeers(socketPath: string): Promise<PeerJson[]> {
  return readJson(socketPath, '/bgp/peers');
}

export async function readRoutes(socketPath: string, query: RouteQuery): Promise<RouteJson[]> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const response = await get(socketPath, `/bgp/routes?${new URLSearchParams(given)}`);
  const routes: RouteJson[] = [];
  for await (const line of createInterface({ input: response })) routes.push(JSON.parse(line));
  if (!response.complete) throw new Error(`${socketPath}: the answer was cut short`);
  return routes;
}

async function readJson<T>(socketPath: string, path: string): Promise<T> {
  return JSON.parse(await textOf(await get(socketPath, path)));
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

async function get(socketPath: string, path: string): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = request({ socketPath, path, timeout: DEADLINE_MS }, resolve);
    call.on('timeout', () => call.destroy(new Error(`${socketPath}: no answer within 5 s`)));
    call.on('error', reject);
    call.end();
  });
  if (response.statusCode === 200) return response;
  const said = (await textOf(response)).trim();
  if (response.statusCode === 400) throw new Error(said);
  throw new Error(`${socketPath}: HTTP ${response.statusCode}: ${said}`);
}

/**
 * What an agent or a speaker shows of itself: read-only HTTP on a Unix socket.
 *
 *     GET /status                                   AgentStatus; of an agent only
 *     GET /bgp/peers                                [PeerJson]
 *     GET /bgp/speaker                              SpeakerJson: all but peers and routes
 *     GET /bgp/routes?prefix=&in=&from=&to=         RouteJson, one a line
 *
 * `prefix` asks for one route, by an address for the most specific one to it; `in` for those inside a prefix, `from` and
 * `to` for those that a peer sent or was sent.
 */
import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import {
  containsPrefix,
  formatPrefix,
  isAddress,
  type Prefix,
  parseAddress,
  parsePrefix,
  prefixOf,
} from 'net-ipaddr';
import type { RouteStatus, Speaker } from '../../bgp/speaker.ts';
import type { Clock } from '../../ports.ts';
import type { AgentStatus } from './agent-status.ts';
import { peerJson, replacer, routeJson, speakerJson } from './bgp-json.ts';

export interface Inspected {
  readonly speaker: Pick<Speaker, 'inspect' | 'routes'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly status?: () => Promise<AgentStatus>;
}

/** A listing of a large table shares the thread with all else. */
const SLICE_MS = 3;

class BadRequest extends Error {}

/** Serves at a Unix socket of mode 0660, so that a group can be let in. */
export async function serveInspection(path: string, inspected: Inspected): Promise<Server> {
  // What a process that was killed left behind: nobody answers there.
  rmSync(path, { force: true });
  const server = createServer((request, response) => {
    answer(inspected, request, response).catch((error: Error) => {
      if (response.headersSent) return void response.destroy();
      response.statusCode = error instanceof BadRequest ? 400 : 500;
      response.end(`${error.message}\n`);
    });
  });
  server.requestTimeout = 5_000;
  server.maxConnections = 64;
  server.listen(path);
  await once(server, 'listening');
  chmodSync(path, 0o660);
  return server;
}

async function answer(
  { speaker, clock, status }: Inspected,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const target = request.method === 'GET' ? url.pathname : '';
  if (target === '/status' && status) return json(response, await status());
  if (target === '/bgp/peers') return json(response, speaker.inspect().peers.map(peerJson));
  if (target === '/bgp/speaker') return json(response, speakerJson(speaker.inspect()));
  if (target === '/bgp/routes') {
    const query = readQuery(url.searchParams);
    response.setHeader('content-type', 'application/x-ndjson');
    await pipeline(routeLines(speaker, query, clock), response);
    return;
  }
  response.statusCode = 404;
  response.end(
    `there is GET ${status ? '/status, ' : ''}/bgp/speaker, /bgp/peers and /bgp/routes\n`,
  );
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(value, replacer));
}

interface Query {
  /** The prefixes to look for, of which the first with a route counts; undefined: all routes. */
  readonly prefixes: readonly string[] | undefined;
  readonly wanted: (route: RouteStatus) => boolean;
}

function readQuery(parameters: URLSearchParams): Query {
  const prefix = parameters.get('prefix');
  const outer = parameters.get('in');
  const within = outer === null ? undefined : readPrefix(outer);
  const from = parameters.get('from');
  const to = parameters.get('to');
  return {
    prefixes: prefix === null ? undefined : candidates(prefix),
    wanted: (route) =>
      (within === undefined || containsPrefix(within, route.prefix)) &&
      (from === null || route.paths.some(({ peer }) => peer === from)) &&
      (to === null || route.sentTo.includes(to)),
  };
}

/** Of a prefix itself, of an address all that cover it, the most specific first. */
function candidates(text: string): string[] {
  if (!isAddress(text)) return [readPrefix(text)].map(formatPrefix);
  const address = parseAddress(text);
  const lengths = address.family === 4 ? 32 : 128;
  return Array.from({ length: lengths + 1 }, (_, shorter) =>
    formatPrefix(prefixOf(address, lengths - shorter)),
  );
}

function readPrefix(text: string): Prefix {
  try {
    return parsePrefix(text);
  } catch (error) {
    throw new BadRequest((error as Error).message);
  }
}

/**
 * The routes as lines, some milliseconds of work at a time. What changes while a listing is on may be in it as it
 * was or as it is.
 */
async function* routeLines(
  speaker: Inspected['speaker'],
  { prefixes, wanted }: Query,
  clock: Inspected['clock'],
): AsyncGenerator<string> {
  let sliceEnd = clock.monotonic() + SLICE_MS;
  for (const route of prefixes ? first(speaker, prefixes) : speaker.routes()) {
    if (wanted(route)) yield `${JSON.stringify(routeJson(route), replacer)}\n`;
    if (clock.monotonic() < sliceEnd) continue;
    await setImmediate();
    sliceEnd = clock.monotonic() + SLICE_MS;
  }
}

function first(speaker: Inspected['speaker'], prefixes: readonly string[]): RouteStatus[] {
  for (const prefix of prefixes) {
    const found = [...speaker.routes(prefix)];
    if (found.length > 0) return found;
  }
  return [];
}

/**
 * HTTP to one API server: connections that are kept, a deadline on every request, bodies by our
 * codec. Errors are StoreErrors whose text names the server, what happened and what to do.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { parseJson, stringifyJson } from '../../api/index.ts';
import type { Clock, Random } from '../../ports.ts';
import type { Credentials } from './credentials.ts';
import {
  answerError,
  connectionError,
  DatastoreError,
  deadlineError,
  type Origin,
  watchError,
} from './errors.ts';

export interface Request {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the query: "/api/v1/nodes?limit=500". */
  path: string;
  /** How an error names the request: `list ippools`. @default method and path */
  asked?: string;
  body?: unknown;
  /** @default 'application/json' */
  contentType?: string;
  /** @default 'application/json' */
  accept?: string;
  /** From the call to the last byte of the answer, waiting for a connection included. */
  deadlineMs?: number;
}

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  /** Parsed when the server says that it is JSON, else text. */
  body: unknown;
}

export interface Stream {
  /** Its bytes; iterating it throws when the connection breaks. */
  response: AsyncIterable<Buffer>;
  /** What an ERROR event's object says, as the error that the request would have been refused with. */
  error(object: unknown): DatastoreError;
  /** Ends the connection; no event comes after it. */
  close(): void;
}

/** More than this many at once wait for a connection, within their deadline. */
const MAX_CONNECTIONS = 64;

export const DEFAULT_DEADLINE_MS = 15_000;

/** A list of 500 large blocks is 4 MB; a server that sends much more than that is broken. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** Without it a dead peer of an idle connection is only noticed by the next request's deadline. */
const TCP_KEEPALIVE_MS = 15_000;

/** A server that is asked to wait is asked again this often at most, within the deadline. */
const MAX_TRIES = 5;

export class Transport {
  readonly origin: Origin;
  readonly #credentials: Credentials;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #request: typeof https.request;
  readonly #agent: https.Agent | http.Agent;
  /** Watches hold their connection for minutes and must not use up those of the others. */
  readonly #streams: https.Agent | http.Agent;
  #closed = false;

  constructor(credentials: Credentials, clock: Clock, random: Random) {
    this.#credentials = credentials;
    this.#clock = clock;
    this.#random = random;
    this.origin = { server: credentials.server.origin, source: credentials.source };
    const plain = credentials.server.protocol === 'http:';
    const { Agent } = plain ? http : https;
    const keep = { keepAlive: true, keepAliveMsecs: TCP_KEEPALIVE_MS, ...credentials.tls };
    this.#request = plain ? (http.request as typeof https.request) : https.request;
    this.#agent = new Agent({ ...keep, maxSockets: MAX_CONNECTIONS });
    this.#streams = new Agent({ ...keep, maxFreeSockets: 1 });
  }

  /** @throws DatastoreError for anything but a success (2xx). */
  async send(request: Request): Promise<Answer> {
    const asked = request.asked ?? `${request.method} ${request.path}`;
    const deadlineMs = request.deadlineMs ?? DEFAULT_DEADLINE_MS;
    const end = this.#clock.monotonic() + deadlineMs;
    for (let tries = 1; ; tries++) {
      const leftMs = end - this.#clock.monotonic();
      const answer = await this.#exchange(request, asked, leftMs, deadlineMs);
      if (answer.status < 300) return answer;
      const error = this.#refusal(asked, answer);
      // 429 is answered before anything is done, so that even a write may be sent again.
      const waitMs = (error.retryAfterMs ?? 0) * (1 + this.#random() / 2);
      const mayWait = answer.status === 429 && waitMs > 0 && tries < MAX_TRIES;
      if (!mayWait || this.#clock.monotonic() + waitMs >= end) throw error;
      await new Promise<void>((resolve) => this.#clock.after(waitMs, resolve));
    }
  }

  /** Opens a watch; resolves when the server has begun to answer with a success. */
  async stream(request: Request): Promise<Stream> {
    const asked = request.asked ?? `${request.method} ${request.path}`;
    const deadlineMs = request.deadlineMs ?? DEFAULT_DEADLINE_MS;
    const { sent, response } = await this.#open(request, asked, deadlineMs, this.#streams);
    if (response.statusCode! < 300)
      return {
        response,
        error: (object) => watchError(this.origin, asked, object),
        close: () => sent.destroy(),
      };
    const answer = await this.#read(sent, response, asked, deadlineMs, deadlineMs);
    throw this.#refusal(asked, answer);
  }

  /** Ends every connection; what is under way fails. */
  close(): void {
    this.#closed = true;
    this.#agent.destroy();
    this.#streams.destroy();
  }

  async #exchange(
    request: Request,
    asked: string,
    leftMs: number,
    deadlineMs: number,
  ): Promise<Answer> {
    const started = this.#clock.monotonic();
    const { sent, response } = await this.#open(request, asked, leftMs, this.#agent, deadlineMs);
    const restMs = leftMs - (this.#clock.monotonic() - started);
    return this.#read(sent, response, asked, restMs, deadlineMs);
  }

  async #open(
    request: Request,
    asked: string,
    leftMs: number,
    agent: https.Agent | http.Agent,
    deadlineMs = leftMs,
  ): Promise<{ sent: http.ClientRequest; response: http.IncomingMessage }> {
    const authorization = await this.#authorization(asked);
    // After the wait: a connection made once the agents are closed would never be.
    if (this.#closed) throw new DatastoreError('Unavailable', `${asked}: the client is closed`);
    const body = request.body === undefined ? undefined : stringifyJson(request.body);
    const headers: http.OutgoingHttpHeaders = {
      accept: request.accept ?? 'application/json',
      'user-agent': 'tortie',
      ...(authorization !== undefined && { authorization }),
      ...(body !== undefined && {
        'content-type': request.contentType ?? 'application/json',
        'content-length': Buffer.byteLength(body),
      }),
    };
    const once = () => this.#once(request, asked, headers, body, agent, leftMs, deadlineMs);
    try {
      return await once();
    } catch (error) {
      // The server had closed the kept connection before it saw the request. Reading again is safe;
      // a write may have been done, and its caller decides.
      if (request.method === 'GET' && (error as { stale?: boolean }).stale) return once();
      throw error;
    }
  }

  #once(
    request: Request,
    asked: string,
    headers: http.OutgoingHttpHeaders,
    body: string | undefined,
    agent: https.Agent | http.Agent,
    leftMs: number,
    deadlineMs: number,
  ): Promise<{ sent: http.ClientRequest; response: http.IncomingMessage }> {
    const { server } = this.#credentials;
    return new Promise((resolve, reject) => {
      const sent = this.#request({
        method: request.method,
        // URL keeps the brackets of an IPv6 address, sockets want none.
        host: server.hostname.replace(/^\[|\]$/g, ''),
        port: server.port || (server.protocol === 'http:' ? 80 : 443),
        path: server.pathname.replace(/\/$/, '') + request.path,
        headers,
        agent,
      });
      const timer = this.#clock.after(Math.max(0, leftMs), () => {
        reject(deadlineError(this.origin, asked, deadlineMs));
        sent.destroy();
      });
      sent.on('response', (response) => {
        timer.cancel();
        resolve({ sent, response });
      });
      // Also comes after the answer has begun, where the reader of the answer sees it too.
      sent.on('error', (cause) => {
        timer.cancel();
        const error = connectionError(this.origin, asked, cause);
        const { code } = cause as { code?: string };
        const stale = sent.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE');
        reject(stale ? Object.assign(error, { stale }) : error);
      });
      sent.end(body);
    });
  }

  #read(
    sent: http.ClientRequest,
    response: http.IncomingMessage,
    asked: string,
    leftMs: number,
    deadlineMs: number,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const fail = (error: DatastoreError) => {
        timer.cancel();
        reject(error);
        sent.destroy();
      };
      const timer = this.#clock.after(Math.max(0, leftMs), () =>
        fail(deadlineError(this.origin, asked, deadlineMs)),
      );
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MAX_BODY_BYTES)
          fail(
            new DatastoreError(
              'Unavailable',
              `${asked}: the answer is above ${MAX_BODY_BYTES} bytes`,
            ),
          );
      });
      response.on('error', (cause) => fail(connectionError(this.origin, asked, cause)));
      response.on('end', () => {
        timer.cancel();
        try {
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            body: decode(response.headers['content-type'], Buffer.concat(chunks)),
          });
        } catch (cause) {
          const { server } = this.origin;
          const what = `${asked}: ${server} answered what is not JSON: ${(cause as Error).message}`;
          reject(new DatastoreError('Unavailable', what, { cause }));
        }
      });
    });
  }

  #refusal(asked: string, answer: Answer): DatastoreError {
    if (answer.status === 401) this.#credentials.refused();
    return answerError(this.origin, asked, {
      status: answer.status,
      body: answer.body,
      retryAfter: answer.headers['retry-after'],
    });
  }

  async #authorization(asked: string): Promise<string | undefined> {
    try {
      return await this.#credentials.authorization();
    } catch (cause) {
      throw new DatastoreError('Unauthorized', `${asked}: ${(cause as Error).message}`, { cause });
    }
  }
}

function decode(contentType: string | undefined, body: Buffer): unknown {
  if (contentType?.startsWith('application/json')) return parseJson(body);
  return body.toString('utf8');
}

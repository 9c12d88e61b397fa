/** What the forwarder answers at its socket; the form is in forwarder/clients.h. */

import { connect, type Socket } from 'node:net';

const DEADLINE_MS = 2000;

/** By name as in forwarder/counters.h: packets that passed, and those dropped by reason. */
export type ForwarderCounters = Readonly<Record<string, number>>;

export interface ForwarderState {
  /** The version of its program. */
  readonly program: string;
  /** No agent started it, but who runs it beside the agent. */
  readonly isApart: boolean;
  /** Of the tables that it takes. */
  readonly format: number;
  /** Since its start. */
  readonly counters: ForwarderCounters;
}

/** @returns undefined when none answers at the path. */
export async function askForwarder(path: string): Promise<ForwarderState | undefined> {
  const connection = await connectTo(path);
  const state = connection && (await ask(connection));
  connection?.destroy();
  return state;
}

/** @returns undefined when nobody listens at the path. */
export function connectTo(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('error', () => resolve(undefined));
    socket.once('connect', () => resolve(socket));
  });
}

/** The connection is read from then on, so that its end shows. @returns undefined when there is no answer in time. */
export async function ask(connection: Socket): Promise<ForwarderState | undefined> {
  const { promise, resolve } = Promise.withResolvers<ForwarderState | undefined>();
  const giveUp = () => resolve(undefined);
  let text = '';
  connection.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (text.endsWith('\n\n')) resolve(readState(text));
  });
  connection.once('close', giveUp);
  const deadline = setTimeout(giveUp, DEADLINE_MS);
  connection.write('?');
  const state = await promise;
  clearTimeout(deadline);
  return state;
}

function readState(text: string): ForwarderState {
  const lines = text.trim().split('\n');
  const pairs = lines.map((line) => line.split(' ') as [name: string, value: string]);
  const { program = '', apart, format, ...counters } = Object.fromEntries(pairs);
  return {
    program,
    isApart: apart === '1',
    format: Number(format),
    counters: Object.fromEntries(
      Object.entries(counters).map(([name, value]) => [name, Number(value)]),
    ),
  };
}

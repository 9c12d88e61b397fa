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
  const socket = await connectTo(path);
  if (socket === undefined) return undefined;
  let text = '';
  try {
    socket.setTimeout(DEADLINE_MS, () => socket.destroy());
    socket.write('?');
    for await (const chunk of socket.setEncoding('utf8')) {
      text += chunk;
      if (text.endsWith('\n\n')) return readState(text);
    }
    return undefined;
  } catch {
    return undefined;
  }
}

/** @returns undefined when nobody listens at the path. */
export function connectTo(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('error', () => resolve(undefined));
    socket.once('connect', () => resolve(socket));
  });
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

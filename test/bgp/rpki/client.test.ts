import {
  type Action,
  type Client,
  DISCONNECTED,
  type Event,
  transition,
} from '../../../bgp/rpki/client.ts';
import type { Pdu } from '../../../bgp/rpki/pdu.ts';

const CONNECTED: Event = { name: 'connected' };
const GONE: Event = { name: 'disconnected' };
const RESPONSE = pdu({ type: 'Cache Response', sessionId: 7 });
const END = endOfData(42);
const VRP = pdu({
  type: 'Prefix',
  announces: true,
  family: 4,
  w0: 0,
  w1: 0,
  w2: 0,
  w3: 0,
  length: 0,
  maxLength: 0,
  as: 1,
});
const SYNC = [CONNECTED, RESPONSE, VRP, END];

function pdu(pdu: Pdu, version = 1): Event {
  return { name: 'pdu', version, pdu };
}

function endOfData(serial: number, more: { sessionId?: number; intervals?: number[] } = {}): Event {
  const { sessionId = 7, intervals = [3600, 600, 7200] } = more;
  const [refreshSec, retrySec, expireSec] = intervals as [number, number, number];
  return pdu({
    type: 'End of Data',
    sessionId,
    serial,
    intervals: { refreshSec, retrySec, expireSec },
  });
}

function error(code: number, version = 1): Event {
  return pdu({ type: 'Error Report', code, text: '' }, version);
}

const rings = (timer: 'refresh' | 'retry' | 'expire' | 'answer'): Event => ({
  name: 'rings',
  timer,
});

function after(...events: Event[]): { client: Client; said: string[] } {
  let client = DISCONNECTED;
  let said: string[] = [];
  for (const event of events) {
    const { client: next, actions } = transition(client, event);
    client = next;
    said = actions.filter((action) => action.do !== 'stopTimer').map(inWords);
  }
  return { client, said };
}

/** An action in a few words: what is sent by its PDU type and version. */
function inWords(action: Action): string {
  switch (action.do) {
    case 'send': {
      const [version, type] = action.pdu as unknown as [number, number];
      const names = { 1: 'serial query', 2: 'reset query', 10: `error ${action.pdu[3]}` };
      return `v${version} ${names[type as 1 | 2 | 10]}`;
    }
    case 'startTimer':
      return `${action.timer} in ${action.afterMs / 1000}`;
    case 'begin':
      return action.isEverything ? 'begin everything' : 'begin changes';
    default:
      return action.do;
  }
}

test.each<[string, Event[], string[], Partial<Client>]>([
  [
    '§8.1: who has nothing asks for everything',
    [CONNECTED],
    ['v1 reset query', 'answer in 300'],
    { phase: 'queried' },
  ],
  ['§8.1: the answer begins', [CONNECTED, RESPONSE], ['begin everything'], { phase: 'receiving' }],
  ['§8.1: payloads belong to it', [CONNECTED, RESPONSE, VRP], ['apply'], { phase: 'receiving' }],
  [
    '§8.1: it is complete',
    SYNC,
    ['commit', 'refresh in 3600', 'expire in 7200'],
    { phase: 'synchronised', session: { id: 7, serial: 42 } },
  ],
  [
    '§6: intervals are kept within their bounds',
    [CONNECTED, RESPONSE, endOfData(42, { intervals: [0, 0, 0xffffffff] })],
    ['commit', 'refresh in 1', 'expire in 172800'],
    { intervals: { refreshSec: 1, retrySec: 1, expireSec: 172_800 } },
  ],
  [
    '§8.2: after the refresh interval, what has changed?',
    [...SYNC, rings('refresh')],
    ['v1 serial query', 'answer in 300'],
    { phase: 'queried' },
  ],
  [
    '§8.2: a Serial Notify asks for the same',
    [...SYNC, pdu({ type: 'Serial Notify', sessionId: 7, serial: 43 })],
    ['v1 serial query', 'answer in 300'],
    { phase: 'queried' },
  ],
  [
    '§8.2: … but not with the serial that we have',
    [...SYNC, pdu({ type: 'Serial Notify', sessionId: 7, serial: 42 })],
    [],
    { phase: 'synchronised' },
  ],
  [
    '§8.2: the changes begin',
    [...SYNC, rings('refresh'), RESPONSE],
    ['begin changes'],
    { phase: 'receiving' },
  ],
  [
    '§8.3: Cache Reset: everything again, and until then what we have counts',
    [...SYNC, rings('refresh'), pdu({ type: 'Cache Reset' })],
    ['v1 reset query', 'answer in 300'],
    { phase: 'queried', session: undefined },
  ],
  [
    '§8.4: no data available: asked again after the retry interval',
    [CONNECTED, error(2)],
    ['retry in 600'],
    { phase: 'waiting' },
  ],
  [
    '§8.4: … again',
    [CONNECTED, error(2), rings('retry')],
    ['v1 reset query', 'answer in 300'],
    { phase: 'queried' },
  ],
  [
    '§8: a connection that comes back goes on where it was',
    [...SYNC, GONE, CONNECTED],
    ['v1 serial query', 'answer in 300'],
    { phase: 'queried' },
  ],
  [
    '§8: … unless it ended in place of an answer: the next question is for everything',
    [...SYNC, GONE, CONNECTED, GONE, CONNECTED],
    ['v1 reset query', 'answer in 300'],
    { phase: 'queried' },
  ],
  [
    '§5.1: another session: all of it goes',
    [...SYNC, GONE, CONNECTED, pdu({ type: 'Cache Response', sessionId: 8 })],
    ['flush', 'v1 error 0', 'drop'],
    { session: undefined },
  ],
  [
    '§5.1: … told by a Serial Notify',
    [...SYNC, pdu({ type: 'Serial Notify', sessionId: 8, serial: 1 })],
    ['flush', 'v1 error 0', 'drop'],
    { session: undefined },
  ],
  [
    '§5.1: … told at the end of an answer',
    [CONNECTED, RESPONSE, endOfData(1, { sessionId: 8 })],
    ['flush', 'v1 error 0', 'drop'],
    { session: undefined },
  ],
  [
    '§6: data that expired goes, and all is asked for anew',
    [...SYNC, GONE, rings('expire')],
    ['flush'],
    { phase: 'disconnected', session: undefined },
  ],
  [
    '§6: … also while the cache is there, and does not answer',
    [...SYNC, rings('refresh'), rings('expire')],
    ['flush', 'drop'],
    { session: undefined },
  ],
  [
    '§7: the cache reports that it only speaks version 0',
    [CONNECTED, error(4, 0), GONE, CONNECTED],
    ['v0 reset query', 'answer in 300'],
    { version: 0 },
  ],
  [
    '§7: the cache answers in version 0',
    [CONNECTED, pdu({ type: 'Cache Response', sessionId: 7 }, 0)],
    ['begin everything'],
    { version: 0, isSettled: true },
  ],
  [
    '§7: and keeps to it',
    [CONNECTED, pdu({ type: 'Cache Response', sessionId: 7 }, 0), VRP],
    ['v0 error 8', 'drop'],
    {},
  ],
  [
    '§7: a version beyond ours',
    [CONNECTED, pdu({ type: 'Cache Response', sessionId: 7 }, 2)],
    ['v1 error 8', 'drop'],
    {},
  ],
  [
    '§7: until it is settled a Serial Notify is ignored',
    [CONNECTED, pdu({ type: 'Serial Notify', sessionId: 9, serial: 1 }, 0)],
    [],
    { phase: 'queried', isSettled: false, version: 1 },
  ],
  [
    '§5.1: a session of version 1 is none of version 0',
    [...SYNC, GONE, CONNECTED, pdu({ type: 'Cache Response', sessionId: 7 }, 0)],
    ['flush', 'v1 error 0', 'drop'],
    { session: undefined },
  ],
  [
    '§12: an error of the cache ends the connection, and the next question is for everything',
    [...SYNC, rings('refresh'), error(3)],
    ['drop'],
    { session: undefined },
  ],
  [
    '§12: an error that we find is reported, and what counted counts on',
    [...SYNC, { name: 'wrong', error: { code: 7, text: 'twice' }, bytes: new Uint8Array(20) }],
    ['v1 error 7', 'drop'],
    { session: undefined },
  ],
  ['a payload that nobody asked for', [...SYNC, VRP], ['v1 error 0', 'drop'], {}],
  ['an answer to no question', [...SYNC, RESPONSE], ['v1 error 0', 'drop'], {}],
  ['an end of nothing', [CONNECTED, END], ['v1 error 0', 'drop'], {}],
  [
    'Cache Reset when all was asked for',
    [CONNECTED, pdu({ type: 'Cache Reset' })],
    ['v1 error 0', 'drop'],
    {},
  ],
  ['an answer that takes too long', [CONNECTED, rings('answer')], ['drop'], {}],
  [
    'a router key is of no interest',
    [CONNECTED, RESPONSE, pdu({ type: 'Router Key' })],
    [],
    { phase: 'receiving' },
  ],
])('%s', (_, events, actions, client) => {
  const found = after(...events);
  expect(found.said).toEqual(actions);
  expect(found.client).toMatchObject(client);
});

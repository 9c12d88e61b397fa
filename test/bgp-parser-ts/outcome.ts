/** What an UPDATE comes to, as text that a table can hold, from the cursor and from the objects. */

import { decodeMessage, type Nlri, UpdateCursor, type WireContext } from 'bgp-parser-ts';
import { formatPrefix } from 'net-ipaddr';
import { toHex } from './wire.ts';

export interface Seen {
  outcome: string;
  withdrawn: string[];
  announced: string[];
  /** `code/subcode data` of the NOTIFICATION. */
  notification?: string;
  errors: string[];
}

function nlriText({ prefix, pathId }: Nlri): string {
  return pathId === undefined ? formatPrefix(prefix) : `${formatPrefix(prefix)}#${pathId}`;
}

export function see(bytes: Uint8Array, context: WireContext): Seen {
  const decoded = decodeMessage(bytes, context);
  if ('error' in decoded) {
    const { code, subcode, data, text } = decoded.error;
    const notification = `${code}/${subcode} ${toHex(data)}`.trim();
    return { outcome: 'session-reset', withdrawn: [], announced: [], notification, errors: [text] };
  }
  if (decoded.message.type !== 'update') throw new Error(`not an UPDATE: ${decoded.message.type}`);
  const { outcome, withdrawn, announced, errors } = decoded.message;
  return {
    outcome,
    withdrawn: withdrawn.map(nlriText),
    announced: announced.flatMap(({ nlri }) => nlri.map(nlriText)),
    errors: errors.map(({ text }) => text),
  };
}

/** A cursor on the message, for tests that read scores. */
export function cursorOn(bytes: Uint8Array, context: WireContext): UpdateCursor {
  const cursor = new UpdateCursor();
  cursor.reset(bytes, 0, bytes.length, context);
  return cursor;
}

/** The canonical attributes of the first section, in hex. */
export function canonicalHex(bytes: Uint8Array, context: WireContext): string {
  const cursor = cursorOn(bytes, context);
  if (!cursor.nextSection()) return 'no section';
  const out = new Uint8Array(131072);
  return toHex(out.subarray(0, cursor.canonicalAttributes(out, 0)));
}

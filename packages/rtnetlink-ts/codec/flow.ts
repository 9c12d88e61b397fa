/**
 * Tracked connections (ctnetlink): linux/netfilter/nfnetlink_conntrack.h. Only as much of one as it takes
 * to know whose it is, and to delete it.
 */
import { AttributeCursor } from '../wire/attributes.ts';
import type { MessageWriter } from '../wire/message-writer.ts';
import type { Words } from '../wire/words.ts';
import { AF_UNSPEC } from './family.ts';

/** What names it in a deletion: attributes' values, as the kernel wrote them. */
export interface Flow {
  /** As the kernel numbers families. */
  readonly family: number;
  readonly original: Uint8Array;
  readonly id: Uint8Array;
  readonly zone: Uint8Array | undefined;
}

/** NFNL_SUBSYS_CTNETLINK in the high byte. */
export const IPCTNL_MSG_CT_GET = 0x101;
export const IPCTNL_MSG_CT_DELETE = 0x102;

const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_ID = 12;
const CTA_ZONE = 18;

const CTA_TUPLE_IP = 1;
const CTA_IP_V4_SRC = 1;
const CTA_IP_V6_SRC = 3;

/** struct nfgenmsg. */
const HEADER_LENGTH = 4;

/** Of both families. */
export function encodeFlowDump(out: MessageWriter): void {
  header(out, AF_UNSPEC);
}

export function encodeFlowDeletion(out: MessageWriter, flow: Flow): void {
  header(out, flow.family);
  out.attributeBytes(CTA_TUPLE_ORIG, flow.original);
  // A new one may have taken its place: the kernel compares this too.
  out.attributeBytes(CTA_ID, flow.id);
  if (flow.zone !== undefined) out.attributeBytes(CTA_ZONE, flow.zone);
}

/**
 * @param isWanted says it of the bytes of a sender's address
 * @returns undefined unless one is wanted: who opened it, or who answers (NAT makes that another than
 * who was called).
 */
export function decodeFlow(
  words: Words,
  start: number,
  end: number,
  isWanted: (address: Uint8Array) => boolean,
): Flow | undefined {
  let original: Uint8Array | undefined;
  let id: Uint8Array | undefined;
  let zone: Uint8Array | undefined;
  let isOne = false;
  const attributes = new AttributeCursor(words).reset(start + HEADER_LENGTH, end);
  while (attributes.next()) {
    const { type } = attributes;
    if (type === CTA_TUPLE_ORIG) original = bytesOf(attributes);
    else if (type === CTA_ID) id = bytesOf(attributes);
    else if (type === CTA_ZONE) zone = bytesOf(attributes);
    if (type === CTA_TUPLE_ORIG || type === CTA_TUPLE_REPLY)
      isOne ||= isWanted(senderOf(attributes.nested()));
  }
  if (!isOne || original === undefined || id === undefined) return undefined;
  return {
    family: words.u8[start]!,
    original: copy(original),
    id: copy(id),
    zone: zone && copy(zone),
  };
}

function senderOf(tuple: AttributeCursor): Uint8Array {
  while (tuple.next()) {
    if (tuple.type !== CTA_TUPLE_IP) continue;
    const ip = tuple.nested();
    while (ip.next())
      if (ip.type === CTA_IP_V4_SRC || ip.type === CTA_IP_V6_SRC) return bytesOf(ip);
  }
  return new Uint8Array();
}

function bytesOf({ words, start, length }: AttributeCursor): Uint8Array {
  return words.u8.subarray(start, start + length);
}

/** The buffer is used again. */
function copy(value: Uint8Array): Uint8Array {
  return Uint8Array.from(value);
}

/** The last half is a resource id, which conntrack has none of. */
function header(out: MessageWriter, family: number): void {
  out.byte(family);
  out.byte(0);
  out.half(0);
}

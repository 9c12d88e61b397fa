/** UPDATE as an object, RFC 4271 §4.3: what the cursor finds, put into values that live on. */

import { AttributeBlock } from './attribute-block.ts';
import { AttributeView } from './attribute-view.ts';
import type { PathAttributes } from './attributes/list.ts';
import { readU32 } from './bytes.ts';
import { decodeAttributes, encodeAttributes } from './canonical.ts';
import type { AddressFamily } from './capabilities.ts';
import { MAX_EXTENDED_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH } from './constants.ts';
import type { WireContext } from './context.ts';
import { type Nlri, prefixOfWords } from './nlri.ts';
import { UpdateCursor } from './update-cursor.ts';
import { encodeEndOfRib, UpdateWriter } from './update-writer.ts';
import type { AttributeError, Outcome } from './verdict.ts';
import type { WireError } from './wire-error.ts';

/** Routes with the same attributes. */
export interface Announcement {
  /** With the routes' next hop, wherever the wire has it. */
  readonly attributes: PathAttributes;
  /** Of one family. */
  readonly nlri: readonly Nlri[];
}

export interface Update {
  readonly type: 'update';
  readonly outcome: Exclude<Outcome, 'session-reset'>;
  /** What RFC 7606 had to deal with; the first 16. */
  readonly errors: readonly AttributeError[];
  /** After 'treat-as-withdraw' also what was announced. */
  readonly withdrawn: readonly Nlri[];
  readonly announced: readonly Announcement[];
  /** The message is this family's End-of-RIB mark, RFC 4724 §2. */
  readonly endOfRib: AddressFamily | undefined;
}

// One of each for all calls, which can't overlap: nothing is awaited, and results have bytes of their own.
const cursor = new UpdateCursor();
const view = new AttributeView();

/** Decodes a whole UPDATE `bytes[start, end)`, header included and checked by frameLength. */
export function decodeUpdate(
  bytes: Uint8Array,
  start: number,
  end: number,
  context: WireContext,
): { readonly message: Update } | { readonly error: WireError } {
  const outcome = cursor.reset(bytes, start, end, context);
  if (outcome === 'session-reset') return { error: cursor.notification! };
  const hasPathIds = (family: 4 | 6) =>
    (family === 4 ? context.ipv4 : context.ipv6)?.addPath === true;

  const withdrawn: Nlri[] = [];
  while (cursor.nextWithdrawn()) withdrawn.push(currentNlri(hasPathIds(cursor.family)));

  const announced: Announcement[] = [];
  while (cursor.nextSection()) {
    // AS numbers of 2 octets become 4; nothing else grows, and much is left out.
    const canonical = new Uint8Array(2 * (end - start));
    view.load(canonical, 0, cursor.canonicalAttributes(canonical, 0));
    const nlri: Nlri[] = [];
    while (cursor.nextAnnounced()) nlri.push(currentNlri(hasPathIds(cursor.family)));
    announced.push({ attributes: decodeAttributes(view), nlri });
  }
  const endOfRib =
    cursor.endOfRibAfi === 0 ? undefined : { afi: cursor.endOfRibAfi, safi: cursor.endOfRibSafi };
  const errors = [...cursor.errors];
  return { message: { type: 'update', outcome, errors, withdrawn, announced, endOfRib } };
}

/** The prefix that the cursor came to. */
function currentNlri(hasPathId: boolean): Nlri {
  const { family, w0, w1, w2, w3, length } = cursor;
  const prefix = prefixOfWords(family, w0, w1, w2, w3, length);
  return hasPathId ? { prefix, pathId: cursor.pathId } : { prefix };
}

/**
 * As many whole messages as it takes: withdrawn IPv4, withdrawn IPv6, each announcement, the
 * End-of-RIB mark. Attributes are sent as given, AS numbers as the peer reads them.
 *
 * @throws RangeError when a value has no form on the wire, or attributes leave no room for a prefix.
 */
export function encodeUpdate(
  update: Partial<Pick<Update, 'withdrawn' | 'announced' | 'endOfRib'>>,
  context: WireContext,
): Uint8Array[] {
  const max = context.extendedMessage ? MAX_EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH;
  const writer = new UpdateWriter(max);
  const packed: Uint8Array[] = [];
  const addPath = (family: 4 | 6) => (family === 4 ? context.ipv4 : context.ipv6)?.addPath === true;

  const packAll = (list: readonly Nlri[]) => {
    const out = new Uint8Array(max);
    writer.begin(out, 0);
    for (const nlri of list) {
      if (add(writer, nlri)) continue;
      packed.push(out.slice(0, writer.end()));
      writer.begin(out, 0);
      add(writer, nlri);
    }
    const end = writer.end();
    if (end > 0) packed.push(out.slice(0, end));
  };

  for (const family of [4, 6] as const) {
    const list = (update.withdrawn ?? []).filter(({ prefix }) => prefix.address.family === family);
    writer.withdraw(family, addPath(family));
    packAll(list);
  }
  for (const { attributes, nlri } of update.announced ?? []) {
    const family = nlri[0]?.prefix.address.family;
    if (family === undefined) continue;
    if (nlri.some(({ prefix }) => prefix.address.family !== family)) {
      throw new RangeError('an announcement has prefixes of one family; this one mixes them');
    }
    const canonical = encodeAttributes(attributes);
    view.load(canonical, 0, canonical.length);
    const block = new AttributeBlock();
    if (!block.build(view, { as4: context.as4, external: false })) {
      throw new RangeError('an announcement needs a next hop, and attributes that fit a message');
    }
    if (!writer.announce(family, block, addPath(family))) {
      throw new RangeError(`the attributes leave no room for a prefix in ${max} octets`);
    }
    packAll(nlri);
  }
  if (update.endOfRib) packed.push(encodeEndOfRib(update.endOfRib.afi, update.endOfRib.safi));
  return packed;
}

function add(writer: UpdateWriter, { prefix, pathId = 0 }: Nlri): boolean {
  const { family, bytes } = prefix.address;
  if (family === 4) return writer.add4(readU32(bytes, 0), prefix.length, pathId);
  return writer.add6(
    readU32(bytes, 0),
    readU32(bytes, 4),
    readU32(bytes, 8),
    readU32(bytes, 12),
    prefix.length,
    pathId,
  );
}

/**
 * A second decoder of UPDATEs, as plain and slow as can be, written from the RFCs and sharing nothing
 * with the library: the cursor must agree with it on every message. It yields the text that
 * `describeCursor` in fuzz.ts makes of a cursor.
 */

import type { WireContext } from 'bgp-parser-ts';

type Fate = 1 | 2 | 3;
const DISCARD = 1;
const WITHDRAW = 2;
const RESET = 3;
const OUTCOMES = ['ok', 'attribute-discard', 'treat-as-withdraw', 'session-reset'];

interface Attribute {
  flags: number;
  value: number[];
}

interface Segment {
  type: number;
  as: number[];
}

interface Group {
  family: 4 | 6;
  hop: number[];
  prefixes: string[];
}

const number = (octets: number[]) => octets.reduce((sum, octet) => sum * 256 + octet, 0);
const octetsOf = (value: number, size: number) =>
  Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** (size - 1 - i)) % 256);
const hexOf = (octets: number[]) => octets.map((o) => o.toString(16).padStart(2, '0')).join('');
const isZero = (octets: number[]) => octets.every((octet) => octet === 0);

/** Prefixes of a field, or undefined when it cannot be read (RFC 7606 §5.3). */
function readPrefixes(octets: number[], family: 4 | 6, addPath: boolean): string[] | undefined {
  const found: string[] = [];
  const rest = [...octets];
  while (rest.length > 0) {
    if (addPath && rest.length < 4) return undefined;
    const id = addPath ? number(rest.splice(0, 4)) : 0;
    const bits = rest.shift();
    if (bits === undefined || bits > (family === 4 ? 32 : 128)) return undefined;
    const size = Math.ceil(bits / 8);
    if (rest.length < size) return undefined;
    const address = rest.splice(0, size);
    if (bits % 8 !== 0) address[size - 1]! -= address[size - 1]! % 2 ** (8 - (bits % 8));
    while (address.length < (family === 4 ? 4 : 16)) address.push(0);
    found.push(`${hexOf(address)}/${bits}#${id}`);
  }
  return found;
}

/** Segments, or undefined when malformed (RFC 7606 §7.2, RFC 7607). */
function readPath(octets: number[], size: number, types: number[]): Segment[] | undefined {
  const segments: Segment[] = [];
  const rest = [...octets];
  while (rest.length > 0) {
    const [type, count] = rest.splice(0, 2);
    if (!count || !types.includes(type!) || rest.length < count * size) return undefined;
    const as = Array.from({ length: count }, () => number(rest.splice(0, size)));
    if (as.includes(0)) return undefined;
    segments.push({ type: type!, as });
  }
  return segments;
}

const isConfed = ({ type }: Segment) => type === 3 || type === 4;
const lengthOf = (path: Segment[]) =>
  path.reduce((sum, { type, as }) => sum + (type === 2 ? as.length : type === 1 ? 1 : 0), 0);

/** RFC 6793 §4.2.3. */
function merge(path: Segment[], path4: Segment[] | undefined): Segment[] {
  const missing = path4 ? lengthOf(path) - lengthOf(path4) : -1;
  if (!path4 || missing < 0) return path;
  const merged: Segment[] = [];
  let room = missing;
  for (const segment of path) {
    if (isConfed(segment)) {
      merged.push(segment);
      continue;
    }
    if (room === 0) break;
    if (segment.type === 1) {
      merged.push(segment);
      room--;
    } else {
      merged.push({ type: 2, as: segment.as.slice(0, room) });
      const isCut = room < segment.as.length;
      room -= Math.min(room, segment.as.length);
      if (isCut) break;
    }
  }
  for (const segment of path4.filter((one) => !isConfed(one))) {
    const last = merged.at(-1);
    if (last?.type === 2 && segment.type === 2 && last.as.length + segment.as.length <= 255) {
      merged[merged.length - 1] = { type: 2, as: [...last.as, ...segment.as] };
    } else {
      merged.push(segment);
    }
  }
  return merged;
}

/** Flags, malformed fate, and the test for well-formedness of each attribute that is known. */
function rules(context: WireContext): Record<number, [number, Fate, (value: number[]) => boolean]> {
  const isFour = (v: number[]) => v.length === 4;
  const isList = (size: number) => (v: number[]) => v.length > 0 && v.length % size === 0;
  const size = context.as4 ? 4 : 2;
  const types = context.ebgp ? [1, 2] : [1, 2, 3, 4];
  const isHost = (v: number[]) => v.length === 4 && v[0]! < 224 && !isZero(v);
  const isPath4 = (v: number[]) => v.length >= 6 && readPath(v, 4, [1, 2, 3, 4]) !== undefined;
  return {
    1: [0x40, WITHDRAW, (v) => v.length === 1 && v[0]! < 3],
    2: [0x40, WITHDRAW, (v) => readPath(v, size, types) !== undefined],
    3: [0x40, WITHDRAW, isHost],
    4: [0x80, WITHDRAW, isFour],
    5: [0x40, WITHDRAW, isFour],
    6: [0x40, DISCARD, (v) => v.length === 0],
    7: [0xc0, DISCARD, (v) => v.length === size + 4 && !isZero(v.slice(0, size))],
    8: [0xc0, WITHDRAW, isList(4)],
    9: [0x80, WITHDRAW, isFour],
    10: [0x80, WITHDRAW, isList(4)],
    14: [0x80, RESET, () => true],
    15: [0x80, RESET, () => true],
    16: [0xc0, WITHDRAW, isList(8)],
    17: [0xc0, DISCARD, isPath4],
    18: [0xc0, DISCARD, (v) => v.length === 8 && !isZero(v.slice(0, 4))],
    32: [0xc0, WITHDRAW, isList(12)],
    35: [0xc0, WITHDRAW, isFour],
  };
}

export function describeByTwin(message: Uint8Array, context: WireContext): string {
  const body = [...message.subarray(19)];
  const reset = 'session-reset';
  const field = (octets: number[]) => {
    if (octets.length < 2) return undefined;
    const length = number(octets.splice(0, 2));
    return octets.length < length ? undefined : octets.splice(0, length);
  };
  const withdrawnField = field(body);
  if (!withdrawnField) return reset;
  const attributesField = field(body);
  if (!attributesField) return reset;

  const fates: Fate[] = [];
  const { ipv4, ipv6 } = context;
  const withdrawn = ipv4 ? readPrefixes(withdrawnField, 4, ipv4.addPath) : [];
  const announced = ipv4 ? readPrefixes(body, 4, ipv4.addPath) : [];
  if (!withdrawn || !announced) return reset;
  let unreached: string[] = [];
  let reached: Group | undefined;
  let reaches = body.length > 0;
  const isAnnounced = () => announced.length > 0 || (reached?.prefixes.length ?? 0) > 0;

  const known = rules(context);
  const seen = new Set<number>();
  const attributes = new Map<number, Attribute>();
  let isHopBroken = false;
  const rest = [...attributesField];
  while (rest.length > 0) {
    const [flags, code] = rest;
    const head = flags! & 0x10 ? 4 : 3;
    const length = rest.length < head ? 0 : number(rest.slice(2, head));
    if (rest.length < head + length) {
      fates.push(rest.length > 1 && (code === 14 || code === 15) ? RESET : WITHDRAW);
      break;
    }
    const value = rest.splice(0, head + length).slice(head);
    if (seen.has(code!)) {
      fates.push(code === 14 || code === 15 ? RESET : DISCARD);
      continue;
    }
    seen.add(code!);
    const rule = known[code!];
    if (!rule) {
      if ((flags! & 0x80) === 0) fates.push(RESET);
      else if ((flags! & 0x40) !== 0) attributes.set(code!, { flags: flags!, value });
      continue;
    }
    const [mustBe, fate, isRight] = rule;
    const isOutside = context.ebgp && [5, 9, 10].includes(code!);
    if (isOutside || (context.as4 && [17, 18].includes(code!))) {
      fates.push(DISCARD);
    } else if ((flags! & 0xc0) !== mustBe) {
      fates.push(fate === RESET ? RESET : WITHDRAW);
    } else if (!isRight(value)) {
      if (code === 3) isHopBroken = true;
      else fates.push(fate);
    } else {
      attributes.set(code!, { flags: flags!, value });
      if (code === 14 || code === 15) {
        const minimum = code === 14 ? 5 : 3;
        const [hopLength = 0] = code === 14 ? value.slice(3) : [];
        const start = code === 14 ? 4 + hopLength + 1 : 3;
        if (value.length < minimum || value.length < start) return reset;
        const nlri = value.slice(start);
        const afi = number(value.slice(0, 2));
        const negotiated =
          value[2] === 1 ? (afi === 1 ? ipv4 : afi === 2 ? ipv6 : undefined) : undefined;
        if (code === 14 && nlri.length > 0) reaches = true;
        if (!negotiated) continue;
        const family = afi === 1 ? 4 : 6;
        const prefixes = readPrefixes(nlri, family, negotiated.addPath);
        if (!prefixes) return reset;
        if (code === 15) {
          unreached = prefixes;
          continue;
        }
        const lengths = family === 6 ? [16, 32] : negotiated.extendedNextHop ? [4, 16, 32] : [4];
        if (!lengths.includes(hopLength)) return reset;
        let hop = value.slice(4, 4 + hopLength);
        const isHost = (v: number[]) => !isZero(v) && (v.length === 4 ? v[0]! < 224 : v[0] !== 255);
        const isLinkLocal = (v: number[]) => v[0] === 0xfe && (v[1]! & 0xc0) === 0x80;
        const [global, local] = [hop.slice(0, 16), hop.slice(16)];
        const hasGlobal = isHost(global) && !isLinkLocal(global);
        if (hopLength === 32 && !hasGlobal && isLinkLocal(local)) hop = local;
        else if (hopLength === 32 && !isHost(local)) hop = global;
        if (prefixes.length > 0 && !isHost(hop.slice(0, 16))) fates.push(WITHDRAW);
        reached = { family, hop, prefixes };
      }
    }
  }
  if (fates.includes(RESET)) return reset;
  if (isHopBroken) {
    const isIrrelevant = (reached?.prefixes.length ?? 0) > 0 && announced.length === 0;
    fates.push(isIrrelevant ? DISCARD : WITHDRAW);
  }
  if (isAnnounced() && !(seen.has(1) && seen.has(2))) fates.push(WITHDRAW);
  if (announced.length > 0 && !seen.has(3)) fates.push(WITHDRAW);
  const fate = Math.max(0, ...fates);
  if (fate === WITHDRAW && !reaches) return reset;

  const hasOnlyUnreach = seen.size === 1 && attributes.get(15)?.value.length === 3;
  const isEmpty = withdrawnField.length === 0 && body.length === 0 && fate === 0;
  const eor = !isEmpty
    ? [0, 0]
    : attributesField.length === 0
      ? [1, 1]
      : hasOnlyUnreach
        ? [number(attributes.get(15)!.value.slice(0, 2)), attributes.get(15)!.value[2]]
        : [0, 0];
  const groups: Group[] = [];
  if (reached && reached.prefixes.length > 0) groups.push(reached);
  if (announced.length > 0) {
    groups.push({ family: 4, hop: attributes.get(3)?.value ?? [], prefixes: announced });
  }
  const gone = [...withdrawn, ...unreached];
  const lines = [`${OUTCOMES[fate]} ${eor}`];
  if (fate === WITHDRAW) {
    gone.push(...groups.flatMap(({ prefixes }) => prefixes));
    lines.push(`withdrawn ${gone}`);
    return lines.join('\n');
  }
  lines.push(`withdrawn ${gone}`);
  for (const { family, hop, prefixes } of groups) {
    lines.push(`${family} ${canonical(attributes, hop, context)}`, `announced ${prefixes}`);
  }
  return lines.join('\n');
}

/** The 54 bits behind fe80::/10 are zero, RFC 4291 §2.5.6. */
function withoutZones(hop: number[]): number[] {
  if (hop.length === 32) return [...withoutZones(hop.slice(0, 16)), ...withoutZones(hop.slice(16))];
  const isLinkLocal = hop.length === 16 && hop[0] === 0xfe && (hop[1]! & 0xc0) === 0x80;
  return isLinkLocal ? [0xfe, 0x80, 0, 0, 0, 0, 0, 0, ...hop.slice(8)] : hop;
}

function canonical(
  attributes: Map<number, Attribute>,
  hop: number[],
  context: WireContext,
): string {
  const out = new Map(attributes);
  for (const code of [14, 15, 17, 18]) out.delete(code);
  const aggregator = attributes.get(7);
  const aggregator4 = attributes.get(18);
  const as = aggregator ? number(aggregator.value.slice(0, context.as4 ? 4 : 2)) : 0;
  const isStale = aggregator !== undefined && aggregator4 !== undefined && as !== 23456;
  const path = attributes.get(2);
  if (path) {
    const size = context.as4 ? 4 : 2;
    const path4 = isStale ? undefined : attributes.get(17);
    const merged = merge(
      readPath(path.value, size, [1, 2, 3, 4])!,
      path4 && readPath(path4.value, 4, [1, 2, 3, 4]),
    );
    const value = merged.flatMap((one) => [
      one.type,
      one.as.length,
      ...one.as.flatMap((n) => octetsOf(n, 4)),
    ]);
    out.set(2, { flags: 0x40, value });
  }
  if (aggregator && !context.as4) {
    const value =
      aggregator4 && !isStale
        ? aggregator4.value
        : [...octetsOf(as, 4), ...aggregator.value.slice(2)];
    out.set(7, { flags: aggregator.flags, value });
  }
  out.set(3, { flags: 0x40, value: withoutZones(hop) });
  const known = rules(context);
  return [...out]
    .sort(([a], [b]) => a - b)
    .map(([code, { flags, value }]) => {
      const mustBe = known[code]?.[0];
      const kept = mustBe === undefined ? 0xe0 : mustBe === 0xc0 ? 0xc0 | (flags & 0x20) : mustBe;
      const isLong = value.length > 255;
      const head = isLong
        ? [kept | 0x10, code, ...octetsOf(value.length, 2)]
        : [kept, code, value.length];
      return hexOf([...head, ...value]);
    })
    .join(' ');
}

/** The kinds of values that several resources have: AS numbers, prefixes, durations, communities. */
import { isAddress, parseAddress, parsePrefix } from 'net-ipaddr';
import { z } from 'zod';
import { parseAsNumber } from './asnumber.ts';
import { parseCommunity } from './community.ts';
import { parseDuration } from './duration.ts';
import { parsePortRange } from './port-range.ts';
import { parseSelector } from './selector.ts';

/** 0 to 65535 and 0 to 4294967295 for a CRD's pattern, which has no other way to bound a number. */
const UP_TO_16_BITS =
  '(0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
const UP_TO_32_BITS =
  '(0|[1-9][0-9]{0,8}|[1-3][0-9]{9}|4[01][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}|42949[0-5][0-9]{4}|429496[0-6][0-9]{3}|4294967[01][0-9]{2}|42949672[0-8][0-9]|429496729[0-5])';

/** What `parse` throws is what is wrong with the value. */
function readBy<T>(parse: (value: T) => unknown) {
  return (value: T, context: z.RefinementCtx) => {
    try {
      parse(value);
    } catch (error) {
      // Not to be continued: rules between fields count on well-formed ones.
      context.addIssue({ code: 'custom', message: (error as Error).message, continue: false });
    }
  };
}

/** Text that `parse` accepts: its error is the message, so that each format is described once. */
function parsed(parse: (text: string) => unknown, inCrd: Record<string, unknown>) {
  return z.string().superRefine(readBy(parse)).meta(inCrd);
}

/** A value that is written as a number or as text, each of which `parse` reads. */
function numberOrText(
  parse: (value: number | string) => unknown,
  what: string,
  inCrd: Record<string, unknown>,
) {
  return z
    .custom<number | string>((value) => typeof value === 'number' || typeof value === 'string', {
      error: ({ input }) =>
        input === undefined ? 'is missing' : `${JSON.stringify(input)} is not ${what}`,
    })
    .superRefine(readBy(parse))
    .meta({ 'x-kubernetes-int-or-string': true, ...inCrd });
}

/** 1 to 4294967295 as a number, "64512" or asdot "1.10"; `parseAsNumber` reads all three. */
export function asNumber() {
  return numberOrText(parseAsNumber, 'an AS number', {
    minimum: 1,
    maximum: 4294967295,
    pattern: `^(${UP_TO_32_BITS}|${UP_TO_16_BITS}\\.${UP_TO_16_BITS})$`,
  });
}

/** 4000, "4000" or "32768:65535"; `parsePortRange` reads all three. */
export function portRange() {
  return numberOrText(parsePortRange, 'a range of ports', {
    minimum: 1,
    maximum: 65535,
    pattern: `^${UP_TO_16_BITS}(:${UP_TO_16_BITS})?$`,
  });
}

/** A prefix of either family, host bits zero. */
export function prefix() {
  return parsed(parsePrefix, { format: 'cidr', maxLength: 49 });
}

/** A prefix of one family, host bits zero. */
export function prefixOfFamily(family: 4 | 6) {
  return parsed(
    (text) => {
      if (parsePrefix(text).address.family !== family)
        throw new Error(`${JSON.stringify(text)} is not an IPv${family} prefix`);
    },
    family === 4
      ? { format: 'cidr', maxLength: 18, pattern: '^[0-9./]+$' }
      : { format: 'cidr', maxLength: 49, pattern: ':' },
  );
}

export function address() {
  return parsed(parseAddress, {
    maxLength: 45,
    'x-kubernetes-validations': [{ rule: 'isIP(self)', message: 'must be an IP address' }],
  });
}

export function addressOfFamily(family: 4 | 6) {
  return parsed(
    (text) => {
      if (parseAddress(text).family !== family)
        throw new Error(`${JSON.stringify(text)} is not an IPv${family} address`);
    },
    { format: family === 4 ? 'ipv4' : 'ipv6' },
  );
}

/** The name of a network interface, as the kernel allows it. */
export function interfaceName() {
  return z
    .string()
    .max(15)
    .regex(/^[^\s/:]*$/, 'is not the name of an interface: it has a space, a slash or a colon');
}

/** Go's form: "120s", "1m30s". `parseDuration` reads it. */
export function duration() {
  return parsed(parseDuration, {
    pattern: '^([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$',
    maxLength: 32,
  });
}

/** "65000:1" or large "65000:1:2". */
export function community() {
  return parsed(parseCommunity, {
    pattern: `^${UP_TO_16_BITS}:${UP_TO_16_BITS}$|^${UP_TO_32_BITS}:${UP_TO_32_BITS}:${UP_TO_32_BITS}$`,
    maxLength: 32,
  });
}

/** Calico's selector language; `parseSelector` compiles it. */
export function selector() {
  return parsed(parseSelector, { maxLength: 1024 });
}

/** "192.0.2.1", "192.0.2.1:1179", "2001:db8::1" or "[2001:db8::1]:1179". */
export function addressAndPort() {
  return parsed(parseAddressAndPort, {
    maxLength: 64,
    'x-kubernetes-validations': [
      {
        rule: "isIP(self) || self.matches('^[0-9.]+:[0-9]{1,5}$') && isIP(self.split(':')[0]) || self.matches('^\\\\[[0-9a-fA-F:.]+\\\\]:[0-9]{1,5}$')",
        message:
          'must be an address, with or without a port: 192.0.2.1, 192.0.2.1:179, 2001:db8::1 or [2001:db8::1]:179',
      },
    ],
  });
}

export interface AddressAndPort {
  address: string;
  port?: number;
}

/** @throws Error whose message reads on after the field's name. */
export function parseAddressAndPort(text: string): AddressAndPort {
  if (isAddress(text)) return { address: text };
  const [, v6, v4, port] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? v4;
  if (host === undefined || !isAddress(host) || (v6 !== undefined) !== host.includes(':'))
    throw new Error(
      `${JSON.stringify(text)} is not an address, with or without a port: write 192.0.2.1, 192.0.2.1:179, 2001:db8::1 or [2001:db8::1]:179`,
    );
  if (Number(port) < 1 || Number(port) > 65535)
    throw new Error(`${JSON.stringify(text)} has port ${port}, which is not between 1 and 65535`);
  return { address: host, port: Number(port) };
}

function isInt64(value: unknown): value is number | bigint {
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value;
  return Number.isSafeInteger(value);
}

/** A 64-bit integer: a number where that is exact, beyond it a bigint. */
export function int64() {
  return z
    .custom<number | bigint>(isInt64, { error: 'is not a 64-bit integer' })
    .meta({ type: 'integer', format: 'int64' });
}

/** A whole number within bounds that both we and the CRD hold. */
export function integer(minimum: number, maximum: number) {
  return z.int().min(minimum).max(maximum);
}

/** A key of a Secret in the agent's own namespace. */
const secretKeyRef = z.looseObject({
  name: z.string().optional(),
  key: z.string(),
  optional: z.boolean().optional(),
});

/** The password's place. */
export const password = z.looseObject({ secretKeyRef: secretKeyRef.optional() });

/** Ours: the keys of TCP-AO (RFC 5925), each id once. The first signs, and all are taken from the peer. */
export const tcpAO = z
  .array(
    z.looseObject({
      /** SendID and RecvID in one: both sides call the key so. */
      id: integer(0, 255),
      algorithm: z.enum(['HMAC-SHA-1-96', 'AES-128-CMAC-96']).default('HMAC-SHA-1-96'),
      secretKeyRef,
    }),
  )
  .max(8);

const MIN_BFD_INTERVAL_MS = 10;
const MAX_BFD_INTERVAL_MS = 60_000;

function parseBfdInterval(text: string): number {
  const milliseconds = parseDuration(text);
  const isWithin = milliseconds >= MIN_BFD_INTERVAL_MS && milliseconds <= MAX_BFD_INTERVAL_MS;
  if (!isWithin || !Number.isInteger(milliseconds))
    throw new Error(
      `${JSON.stringify(text)} is not a whole number of milliseconds from 10ms to 60s`,
    );
  return milliseconds;
}

/** Ours: BFD beside a BGP session (RFC 5880–5883), by being there; `{}` has all defaults. */
export const bfd = z.looseObject({
  /** Between two packets, both ways; the slower side's counts. */
  minInterval: parsed(parseBfdInterval, {
    pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m))+$',
    maxLength: 32,
    'x-kubernetes-validations': [
      {
        rule: "duration(self) >= duration('10ms') && duration(self) <= duration('60s')",
        message: 'must be from 10ms to 60s',
      },
    ],
  }).default('300ms'),
  /** Packets missing in a row that mean that the path is down. */
  multiplier: integer(1, 255).default(3),
  /** Absent: by whether a subnet of the node's interfaces holds the peer. */
  multihop: z.boolean().optional(),
});

/** Linux reads the number above the greatest as "unreachable". */
export function routePriority() {
  return integer(1, 2147483646);
}

/**
 * Of which pools without VXLAN a FelixConfiguration's or BGPConfiguration's side programs the routes to other
 * nodes' blocks. Without a default: what is not said here may be said there.
 */
export const programClusterRoutes = z.enum([
  'Enabled',
  'Disabled',
  'EnabledIPIPOnly',
  'EnabledNoEncapOnly',
]);

/** metav1.Condition. */
export const conditions = z.array(
  z.looseObject({
    type: z.string(),
    status: z.enum(['True', 'False', 'Unknown']),
    reason: z.string().optional(),
    message: z.string().optional(),
    lastTransitionTime: z.string().optional(),
    observedGeneration: int64().optional(),
  }),
);

import { readU32, writeU32 } from '../bytes.ts';
import { ATTRIBUTE, FLAG_OPTIONAL, FLAG_TRANSITIVE } from '../constants.ts';
import { attribute } from './attribute.ts';
import { isListOf } from './shapes.ts';

/** Unsigned 32 bits each; written `global:local1:local2`. */
export interface LargeCommunity {
  readonly global: number;
  readonly local1: number;
  readonly local2: number;
}

/** LARGE COMMUNITIES, RFC 8092. */
export const largeCommunities = attribute({
  code: ATTRIBUTE.LARGE_COMMUNITIES,
  name: 'LARGE_COMMUNITY',
  key: 'largeCommunities',
  flags: FLAG_OPTIONAL | FLAG_TRANSITIVE,
  onError: 'treat-as-withdraw',
  clause: 'RFC 8092 §6',
  expects: 'a multiple of 12 octets, not 0',
  check: isListOf(12),
  decode: (bytes, start, length): readonly LargeCommunity[] =>
    Array.from({ length: length / 12 }, (_, i) => ({
      global: readU32(bytes, start + i * 12),
      local1: readU32(bytes, start + i * 12 + 4),
      local2: readU32(bytes, start + i * 12 + 8),
    })),
  encode(values: readonly LargeCommunity[]) {
    const out = new Uint8Array(values.length * 12);
    values.forEach(({ global, local1, local2 }, index) => {
      writeU32(out, index * 12, global);
      writeU32(out, index * 12 + 4, local1);
      writeU32(out, index * 12 + 8, local2);
    });
    return out;
  },
});

/** The prefixes of all routes here: blocks of 64 addresses, one after another. */
import { formatPrefix, type Prefix, parseAddress } from 'net-ipaddr';

export const FIRST_BLOCK = '10.128.0.0';
const LENGTH = 26;

const first = new DataView(parseAddress(FIRST_BLOCK).bytes.buffer.slice(0)).getUint32(0);

export function blockAt(index: number): Prefix {
  const word = first + index * 2 ** (32 - LENGTH);
  const bytes = Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word);
  return { address: { family: 4, bytes }, length: LENGTH };
}

export function blockTexts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => formatPrefix(blockAt(index)));
}

/** The prefixes of all routes here: blocks of 64 addresses, one after another. */
import { formatPrefix, type Prefix, parseAddress } from 'net-ipaddr';

export const FIRST_BLOCK = '10.128.0.0';
const LENGTH = 26;

const first = new DataView(parseAddress(FIRST_BLOCK).bytes.buffer.slice(0)).getUint32(0);

export function blockAt(index: number): Prefix {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, first + index * 2 ** (32 - LENGTH));
  return { address: { family: 4, bytes }, length: LENGTH };
}

export function blockTexts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => formatPrefix(blockAt(index)));
}

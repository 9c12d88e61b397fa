/** MAC addresses as text: `02:00:00:00:00:01`. */
import type { Words } from './words.ts';

export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text))
    throw new TypeError(`"${text}" is not a MAC address such as 02:00:00:00:00:01`);
  return Uint8Array.from(text.split(':'), (octet) => Number.parseInt(octet, 16));
}

export function formatMac(words: Words, start: number): string {
  const hex = words.u8.toString('hex', start, start + 6);
  return `${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}:${hex.slice(6, 8)}:${hex.slice(8, 10)}:${hex.slice(10)}`;
}

/** Checks and encodings of the value layouts that several attributes share. */

import { readU32, writeU32 } from '../bytes.ts';
import { UPDATE_ERROR } from '../wire-error.ts';

export function isFourOctets(_bytes: Uint8Array, _start: number, length: number): number {
  return length === 4 ? 0 : UPDATE_ERROR.ATTRIBUTE_LENGTH;
}

/** A check that the length is a multiple of `size`, and not 0. */
export function isListOf(size: number) {
  return (_bytes: Uint8Array, _start: number, length: number): number =>
    length > 0 && length % size === 0 ? 0 : UPDATE_ERROR.OPTIONAL_ATTRIBUTE;
}

export function u32(value: number): Uint8Array {
  const out = new Uint8Array(4);
  writeU32(out, 0, value);
  return out;
}

export function u32List(values: readonly number[]): Uint8Array {
  const out = new Uint8Array(values.length * 4);
  values.forEach((value, index) => {
    writeU32(out, index * 4, value);
  });
  return out;
}

export function readU32List(bytes: Uint8Array, start: number, length: number): number[] {
  return Array.from({ length: length / 4 }, (_, i) => readU32(bytes, start + i * 4));
}

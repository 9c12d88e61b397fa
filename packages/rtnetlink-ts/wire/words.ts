/**
 * A buffer of netlink messages, seen by byte, by 16 and by 32 bits. Netlink speaks the machine's own
 * byte order and aligns every field to its size, and so do typed arrays.
 */
export interface Words {
  readonly u8: Buffer;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
}

export function allocateWords(bytes: number): Words {
  const memory = new ArrayBuffer(bytes);
  return {
    u8: Buffer.from(memory),
    u16: new Uint16Array(memory),
    u32: new Uint32Array(memory),
    i32: new Int32Array(memory),
  };
}

/** Messages and attributes begin at multiples of 4. */
export function align4(length: number): number {
  return (length + 3) & ~3;
}

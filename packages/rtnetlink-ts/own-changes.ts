/**
 * A filter by which the kernel does not queue for a monitor what one of our own sockets has made: of
 * 100,000 routes that we write, 100,000 notifications would be copied and read, to be passed over.
 *
 * Classic BPF, linux/filter.h: the datagram is one message, whose header has type and port. BPF reads
 * numbers in network order, netlink writes them in the machine's: constants are turned round here.
 */
import { endianness } from 'node:os';
import { RTM_NEWNEXTHOP } from './codec/next-hop-object.ts';
import { RTM_NEWROUTE } from './codec/route.ts';

/** Offsets in struct nlmsghdr. */
const TYPE = 4;
const PORT = 12;

/** BPF_LD | BPF_ABS with BPF_H or BPF_W; BPF_ALU | BPF_AND; BPF_JMP | BPF_JEQ; BPF_RET. */
const LOAD_HALF = 0x28;
const LOAD_WORD = 0x20;
const AND = 0x54;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;

const ALL = 0xffff_ffff;
const NOTHING = 0;

/** struct sock_filter: code 2, if true 1, if false 1 (instructions to skip), constant 4. */
type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, constant: number];

/** Passes all but changes of routes and of next hops that a socket with one of these ports has made. */
export function withoutChangesBy(first: number, second: number): Uint8Array {
  return program([
    [LOAD_HALF, 0, 0, TYPE],
    // New, deleted, asked for: the kinds begin at multiples of four.
    [AND, 0, 0, networkHalf(0xfffc)],
    [JUMP_IF_EQUAL, 1, 0, networkHalf(RTM_NEWROUTE)],
    [JUMP_IF_EQUAL, 0, 3, networkHalf(RTM_NEWNEXTHOP)],
    [LOAD_WORD, 0, 0, PORT],
    [JUMP_IF_EQUAL, 2, 0, networkWord(first)],
    [JUMP_IF_EQUAL, 1, 0, networkWord(second)],
    [RETURN, 0, 0, ALL],
    [RETURN, 0, 0, NOTHING],
  ]);
}

function program(instructions: readonly Instruction[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * instructions.length));
  const isLittle = endianness() === 'LE';
  for (const [index, [code, ifTrue, ifFalse, constant]] of instructions.entries()) {
    view.setUint16(8 * index, code, isLittle);
    view.setUint8(8 * index + 2, ifTrue);
    view.setUint8(8 * index + 3, ifFalse);
    view.setUint32(8 * index + 4, constant, isLittle);
  }
  return new Uint8Array(view.buffer);
}

/** What the machine's 16 bits are when they are read in network order. */
function networkHalf(value: number): number {
  return new DataView(new Uint16Array([value]).buffer).getUint16(0);
}

function networkWord(value: number): number {
  return new DataView(new Uint32Array([value]).buffer).getUint32(0);
}

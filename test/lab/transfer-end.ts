/**
 * One end of a TCP transfer, run inside a pod: `receive PORT`, or `send PORT ADDRESS` until standard input ends. The receiver
 * prints what it got: TransferReport as JSON.
 */
import { connect, createServer } from 'node:net';

export interface TransferReport {
  bytes: number;
  /** The longest time that the receiver ran and nothing came. */
  stallMs: number;
}

/** 400 kB/s: enough to see a gap, and no load to speak of. */
const CHUNK = Buffer.alloc(8 << 10);
const SEND_EVERY_MS = 20;
/** By the ticks that came to pass, not by the clock: a receiver that got no CPU saw no stall. */
const TICK_MS = 20;

const [role, port, address] = process.argv.slice(2);
if (role === 'receive') receive(Number(port));
else send(Number(port), address!);

/** Says so when it listens, then prints what it got. */
function receive(port: number): void {
  const server = createServer((socket) => {
    let bytes = 0;
    let ticks = 0;
    let longest = 0;
    const timer = setInterval(() => {
      longest = Math.max(longest, ++ticks);
    }, TICK_MS);
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      ticks = 0;
    });
    socket.on('end', () => {
      clearInterval(timer);
      server.close();
      const report: TransferReport = { bytes, stallMs: longest * TICK_MS };
      console.log(JSON.stringify(report));
    });
  });
  server.listen(port, () => console.log('listening'));
}

/** Says so when it is connected, then prints how many bytes it sent. */
function send(port: number, host: string): void {
  const socket = connect({ host, port }, () => console.log('connected'));
  let bytes = 0;
  const timer = setInterval(() => {
    // What does not fit now is not worth remembering: the stall is what counts.
    if (socket.writableNeedDrain) return;
    bytes += CHUNK.length;
    socket.write(CHUNK);
  }, SEND_EVERY_MS);
  process.stdin.resume().on('end', () => {
    clearInterval(timer);
    socket.end(() => console.log(bytes));
  });
}

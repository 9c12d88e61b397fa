/** A TCP transfer from one pod to another while something is done to the network between them. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../../src/lab/lab.ts';
import { spawnIn } from '../../src/lab/namespaces.ts';
import type { LabPod } from '../../src/lab/pods.ts';
import type { TransferReport } from './transfer-end.ts';

const PROGRAM = fileURLToPath(new URL('./transfer-end.ts', import.meta.url));

/** From a pod to an address of another. */
export interface Route {
  from: LabPod;
  to: LabPod;
  address: string;
}

export interface Transfer extends TransferReport {
  /** `node1-pod1 → 10.244.0.1` */
  name: string;
  /** All that was sent came. */
  isWhole: boolean;
}

const FIRST_PORT = 5201;
const DEADLINE_MS = 180_000;

/** Sends each of these ways at once, for as long as `doings` take. */
export async function transfersDuring(
  lab: Lab,
  routes: readonly Route[],
  doings: () => Promise<void>,
): Promise<Transfer[]> {
  const running = await Promise.all(
    routes.map((route, index) => startTransfer(lab, route, FIRST_PORT + index)),
  );
  await doings();
  return Promise.all(running.map((end) => end()));
}

/** @returns what ends it. */
async function startTransfer(
  lab: Lab,
  { from, to, address }: Route,
  port: number,
): Promise<() => Promise<Transfer>> {
  const receiver = startEnd(lab, to, 'receive', String(port));
  await receiver.firstLine;
  const sender = startEnd(lab, from, 'send', String(port), address);
  await sender.firstLine;
  return async () => {
    sender.child.stdin!.end();
    const [sent, received] = [await sender.secondLine, await receiver.secondLine];
    const report: TransferReport = JSON.parse(received || '{"bytes":0,"stallMs":0}');
    const name = `${from.name} → ${address}`;
    return { ...report, name, isWhole: report.bytes > 0 && report.bytes === Number(sent) };
  };
}

function startEnd(lab: Lab, pod: LabPod, ...args: string[]) {
  const inside = ['ip', 'netns', 'exec', pod.name, process.execPath, PROGRAM, ...args];
  const child = spawnIn(lab.node(pod.node), inside);
  const deadline = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  let text = '';
  const ended = once(child, 'close');
  const firstLine = Promise.race([once(child.stdout!.setEncoding('utf8'), 'data'), ended]);
  child.stdout!.on('data', (chunk: string) => {
    text += chunk;
  });
  const secondLine = ended.then(() => {
    clearTimeout(deadline);
    return text.split('\n')[1] ?? '';
  });
  return { child, firstLine, secondLine };
}

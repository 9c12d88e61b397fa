/** Dumps that are torn by changes, or fail. Needs root: makes a namespace of its own. */
import { parsePrefix } from 'net-ipaddr';
import { decodeLink, encodeLinkDump, RTM_GETLINK } from '../../packages/rtnetlink-ts/codec/link.ts';
import { Dumps } from '../../packages/rtnetlink-ts/dump.ts';
import { NetlinkSocket } from '../../packages/rtnetlink-ts/netlink-socket.ts';
import { openPrivateNetwork, type PrivateNetwork } from './private-network.ts';

const bridge = (name: string) =>
  ({ action: 'add', link: { name, kind: { kind: 'bridge' } } }) as const;

/** So many that the kernel tells of them in several parts. */
const MANY = Array.from({ length: 120 }, (_, i) => `br${i}`);

let network: PrivateNetwork;
let dumps: Dumps;
beforeAll(async () => {
  network = await openPrivateNetwork();
  network.netlink.change(...MANY.map(bridge));
  dumps = new Dumps(() => new NetlinkSocket(network.path, 1 << 20));
});
afterAll(() => {
  dumps?.close();
  network?.close();
});

/** Reads all links; `onFirst` is called amid each attempt. Returns the names of each attempt. */
async function read(onFirst: (attempt: number) => void): Promise<string[][]> {
  const attempts: string[][] = [];
  await dumps.run({
    attempt: 'reading links',
    type: RTM_GETLINK,
    encode: (out) => encodeLinkDump(out, {}),
    begin: () => {
      const names: string[] = [];
      attempts.push(names);
      return (words, start, end) => {
        names.push(decodeLink(words, start, end)!.name);
        if (names.length === 1) onFirst(attempts.length);
      };
    },
  });
  return attempts;
}

test('a quiet table is read once', async () => {
  const attempts = await read(() => {});
  expect(attempts).toEqual([expect.arrayContaining(MANY)]);
  expect(attempts[0]).toHaveLength(MANY.length + 1);
});

test('a dump that a change tore is read again, and tells the state after the change', async () => {
  const attempts = await read((attempt) => {
    if (attempt <= 2) network.netlink.change(bridge(`during${attempt}`));
  });
  expect(attempts).toHaveLength(3);
  expect(attempts[2]!.sort()).toEqual(['lo', ...MANY, 'during1', 'during2'].sort());
  // The torn ones were not told to the end.
  expect(attempts[0]!.length).toBeLessThan(MANY.length);
  const names = (await network.netlink.links()).map(({ name }) => name);
  expect(names.sort()).toEqual(attempts[2]);
});

test('a table that never rests ends in an error, and the next dump is sound', async () => {
  const restless = read((attempt) => network.netlink.change(bridge(`restless${attempt}`)));
  await expect(restless).rejects.toThrow(
    'reading links: EINTR (it changed during each of 12 readings)',
  );
  expect(await read(() => {})).toHaveLength(1);
});

test('a visitor that throws ends the dump, and the next one is sound', async () => {
  const failing = read(() => {
    throw new Error('enough');
  });
  const next = read(() => {});
  await expect(failing).rejects.toThrow('enough');
  expect((await next)[0]).toEqual(expect.arrayContaining(MANY));
});

test('what the kernel refuses is an error in its words', async () => {
  const refused = dumps.run({
    attempt: 'reading links',
    type: RTM_GETLINK,
    // An index in a strict dump request is not allowed.
    encode: (out) => {
      for (const word of [0, 7, 0, 0]) out.word(word);
    },
    begin: () => () => {},
  });
  await expect(refused).rejects.toThrow(
    expect.objectContaining({
      message: 'reading links: EINVAL (Filter by device index not supported for link dumps)',
    }),
  );
});

test('the event loop turns while a long table is read', async () => {
  const { netlink } = network;
  netlink.change({ action: 'change', link: { name: 'lo', up: true } });
  const bytes = new Uint8Array(4);
  function* routes() {
    for (let i = 0; i < 20_000; i++) {
      bytes.set([10, i >> 8, i & 255, 0]);
      const destination = { address: { family: 4, bytes }, length: 24 } as const;
      yield { action: 'add', route: { destination, oif: 1, table: 99 } } as const;
    }
  }
  expect(netlink.batch(routes()).filter(Boolean)).toEqual([]);
  let turns = 0;
  let reading = true;
  const turn = () => {
    turns++;
    if (reading) setImmediate(turn);
  };
  setImmediate(turn);
  let count = 0;
  await netlink.eachRoute({ family: 4, table: 99 }, () => {
    count = 0;
    return () => count++;
  });
  reading = false;
  expect(count).toBe(20_000);
  expect(turns).toBeGreaterThan(5);
  expect(await netlink.routes({ family: 4, table: 98 })).toEqual([]);
  expect(
    netlink.batch([
      { action: 'delete', route: { destination: parsePrefix('10.0.0.0/24'), table: 99 } },
    ]),
  ).toEqual([undefined]);
});

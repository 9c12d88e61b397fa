/** When watchers hear of a commit: after its writer, in the next turn of the event loop, and once. */
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Node } from '../../api/index.ts';
import { keyOf, Resources } from '../../src/apiserver/resources.ts';
import { Revisions } from '../../src/apiserver/revisions.ts';
import { parseTarget } from '../../src/apiserver/target.ts';
import { Watches } from '../../src/apiserver/watch.ts';
import { systemClock } from '../../src/system.ts';

const revisions = new Revisions(':memory:');
const storage = { revisions, resources: new Resources(), clock: systemClock, random: () => 0 };
const watches = new Watches(storage);
afterAll(() => {
  watches.close();
  revisions.close();
});

/** Resolves when the writer is answered, still in the commit's turn. */
const write = (name: string) =>
  revisions.write((transaction) =>
    transaction.put(keyOf(Node, undefined, name), () => JSON.stringify({ metadata: { name } })),
  );

class Connection extends EventEmitter {
  readonly names: string[] = [];
  writeHead() {}
  flushHeaders() {}
  end() {}
  write(line: Buffer) {
    this.names.push(JSON.parse(line.toString()).object.metadata.name);
    return true;
  }
}

function watchFrom(revision: number): Connection {
  const connection = new Connection();
  const query = new URLSearchParams({ watch: '1', resourceVersion: String(revision) });
  const target = parseTarget(storage.resources, '/api/v1/nodes', query);
  watches.open(target, 'json', connection as unknown as ServerResponse);
  return connection;
}

test('a watch that begins between a commit and its being told hears of it once', async () => {
  const { revision } = await write('a');
  await nextTurn();
  const before = watchFrom(revision);
  await nextTurn();
  await write('b');
  expect(before.names).toEqual([]); // its writer comes first
  const between = watchFrom(revision);
  const after = watchFrom(revision + 1);
  await write('c');
  await nextTurn();
  await nextTurn();
  expect(before.names).toEqual(['b', 'c']);
  expect(between.names).toEqual(['b', 'c']);
  expect(after.names).toEqual(['c']);
});

/** The schedule: slices, shares, and what comes between them. */

import { Schedule, type Task } from '../../../bgp/schedule.ts';
import { World } from './world.ts';

let world: World;
let schedule: Schedule;
/** What was done, in order; `|` where a slice ended and the loop went on. */
let done: string;
beforeEach(() => {
  world = new World();
  done = '';
  schedule = new Schedule(world.clock, (fn) =>
    world.immediate(() => {
      fn();
      done += '|';
    }),
  );
});

/** Work of so many steps of 1 ms, as a task that heeds its deadline. */
function work(name: string, steps: number): Task {
  let left = steps;
  return {
    run(deadlineMs) {
      do {
        world.stall(1);
        done += name;
        left--;
      } while (left > 0 && world.nowMs < deadlineMs);
      return left > 0;
    },
  };
}

test('one class alone has the slice of 3 ms, and then the loop goes on', () => {
  schedule.add('inbound', work('i', 12));
  world.run(100);
  expect(done).toBe('iii|iii|iii|iii|');
});

test('with both, inbound has 2 ms of the 3', () => {
  schedule.add('outbound', work('o', 6));
  schedule.add('inbound', work('i', 6));
  world.run(100);
  expect(done).toBe('iio|iio|iio|ooo|');
});

test('tasks of a class take turns', () => {
  schedule.add('outbound', work('a', 7));
  schedule.add('outbound', work('b', 7));
  world.run(100);
  expect(done).toBe('aaa|bbb|aaa|bbb|ab|');
});

test('a class gets a task done even when the other overran', () => {
  const slow: Task = {
    run() {
      world.stall(20);
      done += 'S';
      return false;
    },
  };
  schedule.add('inbound', slow);
  schedule.add('outbound', work('o', 1));
  world.run(100);
  expect(done).toBe('So|');
});

test('timers fire between slices', () => {
  schedule.add('inbound', work('i', 12));
  world.clock.after(3, () => {
    done += 't';
  });
  world.run(100);
  expect(done).toBe('iii|tiii|iii|iii|');
});

test('a task that waits already is not queued twice, and one that is removed does not run', () => {
  const task = work('x', 1);
  const other = work('y', 1);
  schedule.add('outbound', task);
  schedule.add('outbound', other);
  schedule.add('outbound', task);
  schedule.remove(other);
  world.run(100);
  expect(done).toBe('x|');
});

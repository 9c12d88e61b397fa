/** Between the speaker and the kernel: what BGP chose felix is told, and how next hops are reached the speaker. */
import type { Speaker } from '../../bgp/speaker.ts';
import type { Felix } from '../../felix/felix.ts';

export function programLearnedRoutes(speaker: Speaker, felix: Felix): void {
  felix.onNextHopsChanged(() => speaker.reviewNextHops());
  speaker.onRoutes((ids, count, reader) => {
    const changes = [];
    for (let index = 0; index < count; index++) {
      const id = ids[index]!;
      // What is originated here is ours already: a blackhole per block, a route per pod.
      const isLearned = reader.hasRoute(id) && !reader.isLocal(id);
      changes.push(
        isLearned
          ? {
              prefix: reader.prefix(id),
              nextHops: reader.nextHops(id),
              metric: reader.priority(id),
            }
          : { prefix: reader.prefix(id), nextHops: [] },
      );
    }
    felix.updateLearned(changes);
  });
}

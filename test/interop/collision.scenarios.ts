/** Two connections with a BIRD that meet, for collision.test.ts to judge. */

import type { Stream, Transport } from '../../bgp/transport/transport.ts';
import { Bird } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { command, until } from './daemons/host.ts';
import { OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

/**
 * Our connection is there only when the peer's has come too. Left to themselves the two rarely meet:
 * who is first is done within a millisecond.
 */
function holdBack(tcp: Transport): Transport {
  const held: (() => void)[] = [];
  let isMet = false;
  const later = (fn: () => void) => void (isMet ? fn() : held.push(fn));
  return {
    connect(to, sourceAddress, guards) {
      const stream = tcp.connect(to, sourceAddress, guards);
      const attach = stream.attach.bind(stream);
      stream.attach = (events) =>
        attach({
          ...events,
          connected: () => later(() => events.connected()),
          data: (octets) => {
            const kept = octets.slice();
            later(() => events.data(kept));
          },
        });
      return stream;
    },
    listen(at, events) {
      const incoming = (stream: Stream) => {
        events.incoming(stream);
        isMet = true;
        for (const go of held.splice(0)) go();
      };
      return tcp.listen(at, { ...events, incoming });
    },
  };
}

/** Two connections meet, and the identifiers decide. BIRD's is 10.9.1.2. */
async function collide(stage: Stage, routerId: string): Promise<unknown> {
  const bird = new Bird(stage.host('bird'));
  const { host } = bird;
  const more = statics('s4', 4, [{ prefix: '198.51.100.0/24' }]);
  await bird.start(birdConfig(host, { as: THEIR_AS, neighborAs: OUR_AS, more }));
  // One attempt: what is held back of it must not be told after it was given up.
  stage.configure([stage.peer(host, THEIR_AS)], { routerId, connectRetrySec: 60 });
  await until('the routes', () => stage.isUp(host) && stage.learned.size === 1);
  const connection = command('ss', '-Htn', 'state', 'established');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  return {
    hasCollided: stage.log.includes('two connections with the peer: one is closed'),
    // Who dialled has not the BGP port.
    weDialled: !/10\.9\.1\.1:179\s/.test(connection),
    connections: connection.trim().split('\n').length,
    session: stage.summary(host),
    sessions: stage.sessions,
  };
}

await play(
  {
    'theirs stays': (stage) => collide(stage, '1.0.0.1'),
    'ours stays': (stage) => collide(stage, '200.0.0.1'),
  },
  holdBack,
);

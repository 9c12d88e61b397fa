/**
 * A peer that tells what it sees: a line of JSON with all routes whenever one changed, and one for
 * each session that came up or went down. Arguments: own address, own AS, the peer as address:port,
 * its AS.
 */
import { formatAddress, formatPrefix } from 'net-ipaddr';
import { Speaker } from '../../bgp/speaker.ts';
import { openLog, systemClock } from '../../src/system.ts';

const [address = '', as, peer = '', peerAs] = process.argv.slice(2);
const [peerAddress = '', peerPort] = peer.split(':');

const speaker = new Speaker({ clock: systemClock, random: Math.random, log: openLog('error') });
speaker.onRoutes(() => {
  // Once the batch is dealt with: what is listed within the call is of before it.
  setImmediate(() => {
    const routes = [...speaker.routes()].map(({ prefix, paths: [best] }) => ({
      prefix: formatPrefix(prefix),
      nextHop: best?.nextHop && formatAddress(best.nextHop),
      asPath: best?.attributes.asPath,
      originatorId: best?.attributes.originatorId,
      clusterList: best?.attributes.clusterList,
      communities: best?.attributes.communities,
    }));
    console.log(JSON.stringify({ routes }));
  });
});
speaker.onSessionChange(({ state, upCount }) => console.log(JSON.stringify({ state, upCount })));
speaker.configure({
  localAs: Number(as),
  routerId: address,
  listen: [],
  connectRetrySec: 1,
  peers: [
    {
      name: 'peer',
      address: peerAddress,
      port: Number(peerPort),
      remoteAs: Number(peerAs),
      sourceAddress: address,
      importPolicy: 'all',
      exportPolicy: 'all',
    },
  ],
  originations: [],
});
process.on('SIGTERM', () => void speaker.close({ forGood: true }).then(() => process.exit(0)));

/** What `tortiectl bgp` prints for people. Pure text; peers' own words are escaped. */
import {
  type AttributesJson,
  errorText,
  type PathJson,
  type PeerJson,
  type RouteJson,
  type SpeakerJson,
} from '../inspect/bgp-json.ts';
import { formatTable } from '../text-table.ts';

/** What is not of one peer or route. */
export function speakerText(speaker: SpeakerJson): string {
  const { listeners, ranges, collectors, caches, strangersRefused, bfdDropped } = speaker;
  const at = ({ address, port }: { address: string; port: number }) =>
    address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return [
    ...listeners.map((one) =>
      one.isListening
        ? `Listens on ${at(one)}`
        : `Does not listen on ${at(one)}: ${one.error ?? 'trying'}`,
    ),
    ...ranges.map(({ prefix, peers, maxPeers }) => `Peers from ${prefix}: ${peers} of ${maxPeers}`),
    ...collectors.map((one) => `BMP collector ${at(one)}: ${one.state}${after(one.lastError)}`),
    ...caches.map((one) => {
      const held =
        one.serial === undefined ? 'nothing held' : `serial ${one.serial}, ${one.vrps} VRPs`;
      return `RPKI cache ${at(one)}: ${one.phase}, ${held}${after(one.lastError)}`;
    }),
    `Connections refused from addresses of no peer: ${strangersRefused}`,
    ...Object.entries(bfdDropped).map(([why, count]) => `BFD packets dropped, ${why}: ${count}`),
  ].join('\n');
}

function after(error: string | undefined): string {
  return error === undefined ? '' : ` (last error: ${JSON.stringify(error).slice(1, -1)})`;
}

const PEER_COLUMNS = ['PEER', 'AS', 'STATE', 'SINCE', 'RECEIVED', 'ACCEPTED', 'SENT', 'TYPE'];

export function peersText(peers: readonly PeerJson[]): string {
  if (peers.length === 0) return 'No peers are configured.';
  const rows = peers.map((peer) => [
    peer.name,
    String(peer.remoteAs),
    peer.state,
    moment(peer.sinceMs),
    String(peer.routes.received),
    String(peer.routes.accepted),
    String(peer.routes.advertised),
    peer.type ?? '',
    peer.state === 'Established' || !peer.lastError ? '' : errorText(peer.lastError),
  ]);
  const isInformed = rows.some((row) => row.at(-1) !== '');
  return formatTable(isInformed ? [...PEER_COLUMNS, 'INFO'] : PEER_COLUMNS, rows);
}

/** Everything of one session, a fact a line. */
export function peerText(peer: PeerJson): string {
  const { negotiated, lastError, lastNotification, routes } = peer;
  const isLastTold = lastNotification?.atMs === lastError?.atMs;
  const facts: [name: string, text: string | undefined][] = [
    ['Description', peer.description],
    ['Type', peer.type],
    ['State', `${peer.state} since ${moment(peer.sinceMs)}, was up ${times(peer.upCount)}`],
    [
      'Waits',
      peer.heldOffUntilMs === undefined
        ? undefined
        : `until ${moment(peer.heldOffUntilMs)}, since there were too many prefixes`,
    ],
    ['Connects', peer.passive ? 'only the peer does' : `we do, to port ${peer.port}, or the peer`],
    [
      'Addresses',
      negotiated && `${negotiated.localAddress} here, ${negotiated.remoteAddress} there`,
    ],
    ['Router id', negotiated?.remoteRouterId],
    ['Families', negotiated?.families.map((family) => `IPv${family}`).join(', ')],
    [
      'Timers',
      negotiated &&
        (negotiated.holdTimeMs === 0
          ? 'none: the session never times out'
          : `hold time ${negotiated.holdTimeMs / 1000} s, keepalive ${negotiated.keepaliveMs / 1000} s`),
    ],
    ['Capabilities', negotiated?.capabilities.map(({ name }) => name).join(', ')],
    [
      'Routes',
      `${routes.received} received, ${routes.accepted} accepted, ${routes.advertised} sent${routes.inStep ? '' : ' (sending)'}`,
    ],
    ['BFD', peer.bfd && bfdText(peer.bfd)],
    ['Initial routes', negotiated && initialRoutes(peer)],
    ['Restart', restart(peer)],
    ['Malformed', malformed(peer)],
    ['Messages in', counts(peer.received)],
    ['Messages out', counts(peer.sent)],
    ['Last error', lastError && `${moment(lastError.atMs)} ${errorText(lastError)}`],
    [
      'Last notification',
      lastNotification && !isLastTold
        ? `${moment(lastNotification.atMs)} ${errorText(lastNotification)}`
        : undefined,
    ],
  ];
  return [`Peer ${peer.name}, AS ${peer.remoteAs}`, ...lines(facts)].join('\n');
}

function initialRoutes({ negotiated, initialRoutesIn }: PeerJson): string {
  const missing = negotiated!.families.filter((family) => !initialRoutesIn.includes(family));
  if (missing.length === 0) return 'all in';
  return `waiting for the end of ${missing.map((family) => `IPv${family}`).join(' and ')}`;
}

/** RFC 4724: what is kept of the peer's routes, or what would be. */
function restart({ negotiated, routes, stale }: PeerJson): string | undefined {
  const names = (families: readonly number[]) => families.map((one) => `IPv${one}`).join(', ');
  if (stale) {
    const awaited = stale.awaits === 'session' ? 'its session to come back' : 'its End-of-RIB';
    const isLast = stale.longLived.length > 0 ? ', as the last choice,' : '';
    return `${routes.stale} routes of ${names(stale.families)} are kept${isLast} until ${moment(stale.untilMs)}, for ${awaited}`;
  }
  const { gracefulRestart } = negotiated ?? {};
  if (!gracefulRestart || gracefulRestart.families.length === 0) return undefined;
  const { families, notification, restartTimeMs } = gracefulRestart;
  const also = notification ? ', also after a NOTIFICATION' : '';
  return `routes of ${names(families)} are kept for ${restartTimeMs / 1000} s${also}`;
}

function bfdText(bfd: NonNullable<PeerJson['bfd']>): string {
  const { state, sinceMs, diagnostic, detectionTimeMs, remote, sent, received } = bfd;
  const there = remote ? `${remote.state} there` : 'nobody answers';
  const detects = detectionTimeMs > 0 ? `, down after ${detectionTimeMs} ms of silence` : '';
  const why = state === 'Up' ? '' : ` (${diagnostic})`;
  return `${state} since ${moment(sinceMs)}${why}, ${there}${detects}; ${sent} packets sent, ${received} received`;
}

function malformed({ routes }: PeerJson): string | undefined {
  const { treatedAsWithdraw, attributesDiscarded } = routes;
  if (treatedAsWithdraw + attributesDiscarded === 0) return undefined;
  return `${treatedAsWithdraw} UPDATEs treated as withdraw, ${attributesDiscarded} with attributes discarded (RFC 7606)`;
}

function counts(messages: PeerJson['received']): string {
  return Object.entries(messages)
    .map(([type, count]) => `${count} ${type}`)
    .join(', ');
}

const ROUTE_COLUMNS = ['', 'PREFIX', 'NEXT HOP', 'PEER', 'LOCAL PREF', 'MED', 'AS PATH', 'ORIGIN'];
/** As FRR and other routers mark them: valid, best, multipath. */
const MARKS: Record<PathJson['state'], string> = {
  best: '*>',
  multipath: '*=',
  lost: '*',
  rejected: '',
};

/** A line a path. */
export function routesText(routes: readonly RouteJson[]): string {
  if (routes.length === 0) return 'No routes.';
  const rows = routes.flatMap(({ prefix, paths }) =>
    paths.map(({ state, nextHop, peer, attributes }) => [
      MARKS[state],
      prefix,
      nextHop ?? '',
      peer ?? '(here)',
      String(attributes.localPref ?? ''),
      String(attributes.med ?? ''),
      attributes.asPath,
      attributes.origin ?? '',
    ]),
  );
  return formatTable(ROUTE_COLUMNS, rows);
}

/** One route: all its paths, why the best won, to whom it went and why not to others. */
export function routeText({ prefix, paths, sentTo, notSentTo, changedFor }: RouteJson): string {
  return [
    `${prefix}, ${paths.length === 1 ? 'one path' : `${paths.length} paths`}`,
    ...paths.flatMap(pathLines),
    ...(sentTo.length > 0 ? [`  Sent to ${sentTo.join(', ')}`] : []),
    ...changedFor.map(({ peer, changedBy }) => `  Changed for ${peer} by ${changedBy.join(', ')}`),
    ...notSentTo.map(({ peer, reason }) => `  Not sent to ${peer}: ${reason}`),
  ].join('\n');
}

function pathLines(path: PathJson): string[] {
  const { state, reason, isStale, peer, nextHop, interiorCost, pathId } = path;
  const { attributes, imported, changedBy, validity } = path;
  const before = attributeFacts(attributes);
  const after = imported ? attributeFacts(imported) : before;
  const names = new Set([...before.keys(), ...after.keys()]);
  const facts: [string, string | undefined][] = [
    ['Next hop', nextHop],
    ['Interior cost', interiorCost ? String(interiorCost) : undefined],
    ['Path id', pathId === 0 ? undefined : String(pathId)],
    ...[...names].map((name): [string, string] => [
      name,
      changeText(before.get(name), after.get(name)),
    ]),
    ['Changed by', changedBy.join(', ')],
    ['RPKI', validity],
  ];
  const origin = peer === undefined ? 'originated here' : `from ${peer}`;
  const standing = isStale ? `${title(state)}, stale` : title(state);
  return [`  ${standing}: ${origin} (${reason})`, ...lines(facts).map((line) => `  ${line}`)];
}

/** By their names for people, in the order of their codes. */
function attributeFacts({ asPath, others, ...rest }: AttributesJson): Map<string, string> {
  return new Map([
    ...(asPath ? [['AS path', asPath] as const] : []),
    ...Object.entries(rest).map(([key, value]) => [title(key), [value].flat().join(' ')] as const),
    ...(others ?? []).map(({ name, value }) => [title(name), `0x${value}`] as const),
  ]);
}

function changeText(before: string | undefined, after: string | undefined): string {
  if (before === after) return before!;
  if (after === undefined) return `removed, was ${before}`;
  return before === undefined ? `${after} (added)` : `${after} (was ${before})`;
}

/** `localPref` → `Local pref`. */
function title(key: string): string {
  if (key === 'med') return 'MED';
  const words = key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words[0]!.toUpperCase() + words.slice(1);
}

function lines(facts: readonly [name: string, text: string | undefined][]): string[] {
  const present = facts.filter(([, text]) => text !== undefined && text !== '');
  const width = Math.max(...present.map(([name]) => name.length)) + 3;
  return present.map(([name, text]) => `  ${`${name}:`.padEnd(width)}${text}`);
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

/** In the machine's time zone, as BIRD and FRR print it. */
function moment(atMs: number): string {
  const local = new Date(atMs - new Date(atMs).getTimezoneOffset() * 60_000).toISOString();
  return local.slice(0, 19).replace('T', ' ');
}

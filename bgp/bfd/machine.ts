/**
 * One BFD session as RFC 5880 §6.2 and §6.8 describe it: a value and functions from one value to the
 * next. Asynchronous mode, no echo, no authentication. Nothing here knows the time.
 */
import type { Random } from '../../ports.ts';
import { type ControlPacket, Diag, type State } from './packet.ts';

/** §6.8.3: while it is not Up, a session sends no faster than once a second. */
const SLOW_US = 1_000_000;

/** The state variables of §6.8.1, by their names there. */
export interface Machine {
  readonly state: State;
  readonly diag: number;
  readonly localDiscriminator: number;
  readonly passive: boolean;
  readonly detectMult: number;
  /** What the configuration wants when Up, both ways. */
  readonly intervalUs: number;
  /** What our packets say. */
  readonly desiredMinTxUs: number;
  readonly requiredMinRxUs: number;
  /** What is in force: differs from what is said until the poll sequence has ended (§6.8.3). */
  readonly txInForceUs: number;
  readonly rxInForceUs: number;
  readonly polling: boolean;
  readonly remoteState: State;
  readonly remoteDiscriminator: number;
  readonly remoteDemand: boolean;
  readonly remoteMinRxUs: number;
  readonly remoteDesiredMinTxUs: number;
  readonly remoteDetectMult: number;
}

export interface Timing {
  readonly intervalUs: number;
  readonly detectMult: number;
}

export function initial(
  options: Timing & { localDiscriminator: number; passive: boolean },
): Machine {
  return {
    state: 'Down',
    diag: Diag.none,
    localDiscriminator: options.localDiscriminator,
    passive: options.passive,
    detectMult: options.detectMult,
    intervalUs: options.intervalUs,
    desiredMinTxUs: Math.max(SLOW_US, options.intervalUs),
    requiredMinRxUs: options.intervalUs,
    txInForceUs: Math.max(SLOW_US, options.intervalUs),
    rxInForceUs: options.intervalUs,
    polling: false,
    ...UNKNOWN_REMOTE,
  };
}

/** §6.8.1: what is assumed of a remote system that has not been heard for a detection time. */
const UNKNOWN_REMOTE = {
  remoteState: 'Down',
  remoteDiscriminator: 0,
  remoteDemand: false,
  remoteMinRxUs: 1,
  remoteDesiredMinTxUs: 0,
  remoteDetectMult: 0,
} as const;

/** §6.8.6, from "Set bfd.RemoteDiscr" on. The packet is for this session. */
export function received(machine: Machine, packet: ControlPacket): Machine {
  let next: Machine = {
    ...machine,
    remoteState: packet.state,
    remoteDiscriminator: packet.myDiscriminator,
    remoteDemand: packet.demand,
    remoteMinRxUs: packet.requiredMinRxUs,
    remoteDesiredMinTxUs: packet.desiredMinTxUs,
    remoteDetectMult: packet.detectMult,
  };
  if (packet.final && next.polling) next = pollEnded(next);
  if (next.state === 'AdminDown') return next;
  return step(next, packet.state);
}

/** §6.2's diagram. */
function step(machine: Machine, remote: State): Machine {
  switch (machine.state) {
    case 'Down':
      if (remote === 'Down') return enter(machine, 'Init', machine.diag);
      if (remote === 'Init') return enter(machine, 'Up', Diag.none);
      return machine;
    case 'Init':
      if (remote === 'AdminDown') return enter(machine, 'Down', Diag.neighborSignaledDown);
      if (remote === 'Init' || remote === 'Up') return enter(machine, 'Up', Diag.none);
      return machine;
    case 'Up':
      if (remote === 'AdminDown' || remote === 'Down')
        return enter(machine, 'Down', Diag.neighborSignaledDown);
      return machine;
    case 'AdminDown':
      return machine;
  }
}

/** §6.8.4: a detection time has passed without a packet. */
export function detectionTimeExpired(machine: Machine): Machine {
  const silent = { ...machine, ...UNKNOWN_REMOTE };
  if (machine.state !== 'Init' && machine.state !== 'Up') return silent;
  return enter(silent, 'Down', Diag.detectionTimeExpired);
}

/** RFC 5882 §3.2, §4.2: what either side takes down on purpose says nothing of the path. */
export function isFailure(before: Machine, after: Machine): boolean {
  return before.state === 'Up' && after.state === 'Down' && after.remoteState !== 'AdminDown';
}

/** §6.8.16: taken down on purpose. */
export function disabled(machine: Machine): Machine {
  return enter(machine, 'AdminDown', Diag.administrativelyDown);
}

/** §6.8.3: other timers. A change of the intervals is agreed on by a poll sequence. */
export function retimed(machine: Machine, timing: Timing): Machine {
  const { detectMult, intervalUs } = timing;
  const next = { ...machine, detectMult, intervalUs };
  if (intervalUs === machine.intervalUs) return next;
  return announce(next);
}

function enter(machine: Machine, state: State, diag: number): Machine {
  return announce({ ...machine, state, diag });
}

/**
 * Says what the state and the configuration ask for. What makes our packets rarer, or our patience
 * shorter, waits until the other side has answered a poll (§6.8.3).
 */
function announce(machine: Machine): Machine {
  const { state, intervalUs } = machine;
  const isUp = state === 'Up';
  const desiredMinTxUs = isUp ? intervalUs : Math.max(SLOW_US, intervalUs);
  const requiredMinRxUs = intervalUs;
  const changed =
    desiredMinTxUs !== machine.desiredMinTxUs || requiredMinRxUs !== machine.requiredMinRxUs;
  if (!isUp)
    return {
      ...machine,
      desiredMinTxUs,
      requiredMinRxUs,
      txInForceUs: desiredMinTxUs,
      rxInForceUs: requiredMinRxUs,
      polling: false,
    };
  return {
    ...machine,
    desiredMinTxUs,
    requiredMinRxUs,
    txInForceUs: Math.min(machine.txInForceUs, desiredMinTxUs),
    rxInForceUs: Math.max(machine.rxInForceUs, requiredMinRxUs),
    polling: machine.polling || changed,
  };
}

function pollEnded(machine: Machine): Machine {
  return {
    ...machine,
    polling: false,
    txInForceUs: machine.desiredMinTxUs,
    rxInForceUs: machine.requiredMinRxUs,
  };
}

/** §6.8.7: what to send. A Final never carries a Poll. */
export function outgoing(machine: Machine, final: boolean): ControlPacket {
  return {
    diag: machine.diag,
    state: machine.state,
    poll: machine.polling && !final,
    final,
    demand: false,
    detectMult: machine.detectMult,
    myDiscriminator: machine.localDiscriminator,
    yourDiscriminator: machine.remoteDiscriminator,
    desiredMinTxUs: machine.desiredMinTxUs,
    requiredMinRxUs: machine.requiredMinRxUs,
    requiredMinEchoRxUs: 0,
  };
}

/** §6.8.7: whether periodic packets are to be sent now. */
export function sends(machine: Machine): boolean {
  if (machine.passive && machine.remoteDiscriminator === 0) return false;
  if (machine.remoteMinRxUs === 0) return false;
  const bothUp = machine.state === 'Up' && machine.remoteState === 'Up';
  return !(machine.remoteDemand && bothUp && !machine.polling);
}

/** §6.8.2: before jitter. */
export function transmitIntervalUs(machine: Machine): number {
  return Math.max(machine.txInForceUs, machine.remoteMinRxUs);
}

/** §6.8.7: less by up to a quarter; by a tenth at least where one lost packet is a lost session. */
export function jitteredUs(machine: Machine, random: Random): number {
  const most = machine.detectMult === 1 ? 0.9 : 1;
  return transmitIntervalUs(machine) * (0.75 + random() * (most - 0.75));
}

/** §6.8.4; 0 while the remote system is unknown. */
export function detectionTimeUs(machine: Machine): number {
  return machine.remoteDetectMult * Math.max(machine.rxInForceUs, machine.remoteDesiredMinTxUs);
}

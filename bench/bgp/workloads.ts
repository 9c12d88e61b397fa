/** What the daemons are made to do, and which figures count. */
import type { Turns } from '../turns.ts';
import type { Load } from './load.ts';
import type { LoadPeer, Plan } from './plan.ts';
import type { Sample } from './results.ts';
import type { Usage } from './usage.ts';

/** A daemon that runs, all sessions Established, one route passed and withdrawn. */
export interface Bench {
  readonly plan: Plan;
  readonly load: Load;
  /** The relay does not know what it passed on, and so cannot take it back. */
  readonly canWithdraw: boolean;
  usage(): Usage;
  /** Where the daemon tells of them. */
  turns(): Promise<Turns | undefined>;
}

export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly unit: 's' | 'ms' | 'MiB' | '';
  /** What we hold ourselves to: at most so many times BIRD's, or at most so much. */
  readonly target?: { readonly timesBird: number } | { readonly atMost: number };
  /** What the load alone takes is to be less than any daemon's. */
  readonly isCheckedAgainstLoad?: boolean;
}

export interface Workload {
  readonly id: string;
  readonly title: string;
  readonly figures: readonly Figure[];
  plan(isQuick: boolean): Plan;
  run(bench: Bench): Promise<Sample>;
}

const AS = 64_512;
const HOLD_TIME_SEC = 90;
const QUICK = 10;
/** What the kernel and the garbage collectors have to do after the last route gets its time. */
const SETTLE_MS = 1000;

/** In MiB. */
const MEGABYTES_250 = Math.floor(250e6 / 2 ** 20);

const CPU: Figure = { id: 'cpu', title: 'CPU', unit: 's' };
const PEAK: Figure = { id: 'peak', title: 'peak RSS', unit: 'MiB' };

function time(timesBird: number): Figure {
  return {
    id: 'time',
    title: 'time',
    unit: 's',
    target: { timesBird },
    isCheckedAgainstLoad: true,
  };
}

/** eBGP, each peer of an AS of its own. */
function ebgp(index: number, first: number, count: number, receives: boolean): LoadPeer {
  return { as: AS + 1 + index, first, count, receives, isClient: false };
}

function client(first: number, count: number, receives: boolean): LoadPeer {
  return { as: AS, first, count, receives, isClient: true };
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const plan = (peers: readonly LoadPeer[], holdTimeSec = HOLD_TIME_SEC): Plan => ({
  daemonAs: AS,
  holdTimeSec,
  peers,
});

function tableSize({ peers }: Plan): number {
  return peers.reduce((size, { count }) => size + count, 0);
}

/** Announces the whole table, and weighs the daemon before and after. */
async function announceAll({ plan, load, usage }: Bench): Promise<Sample & { time: number }> {
  const before = usage();
  const { seconds } = await load.announce(0, tableSize(plan));
  const after = usage();
  return {
    time: seconds,
    cpu: after.cpuSeconds - before.cpuSeconds,
    peak: after.peakRssMiB,
  };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));

const one: Workload = {
  id: 'one',
  title: '1 peer × 1 M prefixes → 1 receiver, then the peer dies',
  figures: [
    time(1),
    CPU,
    { ...PEAK, target: { atMost: MEGABYTES_250 } },
    { id: 'lossTime', title: 'withdrawn after', unit: 's', target: { timesBird: 1 } },
    { id: 'lossCpu', title: 'CPU of it', unit: 's' },
    { id: 'lossPeak', title: 'peak RSS in all', unit: 'MiB' },
  ],
  plan(isQuick) {
    return plan([ebgp(0, 0, isQuick ? 1_000_000 / QUICK : 1_000_000, false), ebgp(1, 0, 0, true)]);
  },
  async run(bench) {
    const sample = await announceAll(bench);
    if (!bench.canWithdraw) return sample;
    await settle();
    const { cpuSeconds } = bench.usage();
    const { seconds } = await bench.load.lose();
    const after = bench.usage();
    return {
      ...sample,
      lossTime: seconds,
      lossCpu: after.cpuSeconds - cpuSeconds,
      lossPeak: after.peakRssMiB,
    };
  },
};

const ten: Workload = {
  id: 'ten',
  title: '10 peers × 100 k prefixes → 1 receiver',
  figures: [time(0.5), CPU, PEAK],
  plan(isQuick) {
    const count = isQuick ? 100_000 / QUICK : 100_000;
    return plan([
      ...times(10, (index) => ebgp(index, index * count, count, false)),
      ebgp(10, 0, 0, true),
    ]);
  },
  run: announceAll,
};

const reflector: Workload = {
  id: 'reflector',
  title: 'route reflector: 20 clients × 5 k prefixes → 80 clients',
  figures: [time(0.25), CPU, PEAK],
  plan(isQuick) {
    const count = isQuick ? 5_000 / QUICK : 5_000;
    return plan([
      ...times(20, (index) => client(index * count, count, false)),
      ...times(80, () => client(0, 0, true)),
    ]);
  },
  run: announceAll,
};

const cluster: Workload = {
  id: 'cluster',
  title: 'route reflector: 100 clients × 16 prefixes, each to all others',
  figures: [{ ...time(1), unit: 'ms' }, CPU, PEAK],
  plan: () => plan(times(100, (index) => client(index * 16, 16, true))),
  async run(bench) {
    const sample = await announceAll(bench);
    return { ...sample, time: sample.time * 1000 };
  },
};

const WARM_PULSES = 50;
const PULSES = 200;

const pulse: Workload = {
  id: 'pulse',
  title: 'route reflector with 500 sessions: one route at a time',
  figures: [
    {
      id: 'lastP99',
      title: 'until the last has it, p99',
      unit: 'ms',
      target: { atMost: 10 },
      isCheckedAgainstLoad: true,
    },
    { id: 'lastP50', title: 'median', unit: 'ms' },
    { id: 'eachP99', title: 'until each has it, p99', unit: 'ms' },
    { id: 'eachP50', title: 'median', unit: 'ms' },
    { id: 'pulseCpu', title: 'CPU a route', unit: 'ms' },
    PEAK,
  ],
  plan(isQuick) {
    const sessions = isQuick ? 100 : 500;
    return plan([
      client(0, WARM_PULSES + PULSES, false),
      ...times(sessions - 1, () => client(0, 0, true)),
    ]);
  },
  async run({ load, usage }) {
    await load.pulse(0, WARM_PULSES);
    const before = usage();
    const { eachP50, eachP99, lastP50, lastP99 } = await load.pulse(WARM_PULSES, PULSES);
    const after = usage();
    const cpuMs = (after.cpuSeconds - before.cpuSeconds) * 1000;
    return {
      eachP50,
      eachP99,
      lastP50,
      lastP99,
      pulseCpu: cpuMs / PULSES,
      peak: after.peakRssMiB,
    };
  },
};

const hold: Workload = {
  id: 'hold',
  title: '1 peer × 1 M prefixes → 3 receivers at a hold time of 3 s',
  figures: [
    { id: 'time', title: 'time', unit: 's' },
    { id: 'drops', title: 'sessions lost', unit: '', target: { atMost: 0 } },
    { id: 'silence', title: 'longest silence', unit: 's', target: { atMost: 3 } },
    { id: 'turn', title: 'longest turn of the loop', unit: 'ms', target: { atMost: 10 } },
    { id: 'turnP999', title: 'p99.9', unit: 'ms' },
    { id: 'turnCpu', title: 'most CPU of a turn', unit: 'ms' },
  ],
  plan(isQuick) {
    return plan(
      [
        ebgp(0, 0, isQuick ? 1_000_000 / QUICK : 1_000_000, false),
        ...times(3, (index) => ebgp(1 + index, 0, 0, true)),
      ],
      3,
    );
  },
  async run(bench) {
    await bench.turns();
    await bench.load.silence();
    const { time } = await announceAll(bench);
    await settle();
    const turns = await bench.turns();
    const { seconds, drops } = await bench.load.silence();
    return {
      time,
      drops,
      silence: seconds,
      ...(turns && {
        turn: turns.longestMs,
        turnP999: turns.p999Ms,
        turnCpu: turns.longestCpuMs,
      }),
    };
  },
};

export const WORKLOADS: readonly Workload[] = [one, ten, reflector, cluster, pulse, hold];

/** `tortie speaker` as a process: files in, sessions out, until it is told to end. */
import { mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import { dirname } from 'node:path';
import { ConfigurationError, Speaker, type SpeakerConfig } from '../../bgp/speaker.ts';
import type { Log } from '../../ports.ts';
import { connectedInterfaces } from '../connected-interface.ts';
import { type Leave, serveControl } from '../inspect/control.ts';
import { serveInspection } from '../inspect/server.ts';
import { openLog, systemClock } from '../system.ts';
import { deriveRouter, type Identity } from './derive.ts';
import { FileWatch } from './file-watch.ts';
import { KernelRoutes } from './kernel-routes.ts';
import { readResourceFiles } from './resource-files.ts';

export interface SpeakerOptions {
  readonly file: readonly string[];
  /** Where its inspect socket is to be. */
  readonly socket: string;
  readonly installRoutes?: boolean;
}

/** Runs until SIGTERM or SIGINT, or until it is told to leave. Nothing is started when the files cannot be used: exit code 1. */
export async function runSpeaker(identity: Identity, options: SpeakerOptions): Promise<void> {
  const { file: files, installRoutes, socket } = options;
  const log = openLog('info');
  let kernelRoutes: KernelRoutes | undefined;
  let speaker: Speaker;
  const configure = () => {
    const config = read(speaker, identity, files, log);
    kernelRoutes?.configured(speaker, config);
  };
  try {
    if (installRoutes) kernelRoutes = await KernelRoutes.start(log);
    speaker = new Speaker({
      clock: systemClock,
      random: Math.random,
      log,
      interfaceOf: connectedInterfaces(systemClock),
      // Where packets go elsewhere, whether they would reach a next hop from here tells nothing.
      ...(kernelRoutes && { resolve: kernelRoutes.resolve }),
    });
    kernelRoutes?.program(speaker);
    // Where packets do not come this way, what peers were told before is as good as ever.
    speaker.restarted({ forwarding: kernelRoutes?.hasForwarded ?? true });
    configure();
  } catch (error) {
    await kernelRoutes?.close();
    console.error(`tortie speaker: ${(error as Error).message}`);
    process.exitCode = 1;
    return;
  }
  let isLeaving = false;
  const reload = () => {
    if (isLeaving) return;
    try {
      configure();
      log.info({ files }, 'configured anew');
    } catch (error) {
      log.error({ why: (error as Error).message }, 'the files cannot be used; all stays as it was');
    }
  };
  const watch = new FileWatch({ files, clock: systemClock, log, changed: reload });
  process.on('SIGHUP', reload);
  const ended = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => ended.resolve());
  const leave = async ({ drainSec, reason }: Leave) => {
    if (isLeaving) throw new Error('this speaker is leaving already');
    isLeaving = true;
    log.info({ drainSec, reason }, 'leaving for good: peers are asked to take other paths');
    await speaker.leave({ drainMs: drainSec * 1000, text: reason });
  };
  const servers = await serve(socket, speaker, log, leave, ended.resolve);
  log.info({ node: identity.node }, 'the speaker runs');
  await ended.promise;
  watch.close();
  for (const server of servers) server.close();
  await speaker.close({ forGood: isLeaving });
  await kernelRoutes?.close();
  process.exit(0);
}

/** A router without a window into it routes all the same: an unprivileged user may not have the usual folder. */
async function serve(
  path: string,
  speaker: Speaker,
  log: Log,
  leave: (how: Leave) => Promise<void>,
  left: () => void,
): Promise<Server[]> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return [
      await serveInspection(path, { speaker, clock: systemClock }),
      await serveControl(path, leave, left),
    ];
  } catch (error) {
    const why = (error as Error).message;
    log.warn({ path, why }, 'tortiectl cannot ask this speaker; give another --socket');
    return [];
  }
}

/** Configures the speaker as the files say. @throws Error for people, and then nothing has changed. */
function read(
  speaker: Speaker,
  identity: Identity,
  files: readonly string[],
  log: Log,
): SpeakerConfig {
  const { resources, located, ...found } = readResourceFiles(files);
  const problems = [...found.problems];
  const config = deriveRouter(identity, resources, problems);
  try {
    speaker.configure(config);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new Error(`${files.join(', ')}: ${error.message}`);
  }
  for (const problem of problems) log.warn({}, located(problem));
  return config;
}

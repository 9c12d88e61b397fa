/** Where tortiectl's server is, when nobody says: the usual kubeconfigs, then a lab that runs on this machine. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store, StoreError } from '../../ports.ts';
import { connect } from '../datastore/index.ts';
import { runningLabs } from '../lab/namespaces.ts';
import { UsageError } from './kinds.ts';

/** Where `tortie apiserver` is told to write the admin's credentials, in our manifests and topologies. */
const ADMIN_KUBECONFIG = '/etc/tortie/admin.kubeconfig';
const RETRY_MS = 200;

export interface ServerOptions {
  kubeconfig?: string | undefined;
  /** Seconds to go on trying while the server does not answer. */
  wait: number;
}

/** A Store on the server that was found. Throws UsageError that names the places that were looked at. */
export async function openStore(options: ServerOptions): Promise<Store> {
  const deadline = performance.now() + options.wait * 1000;
  for (;;) {
    try {
      const kubeconfig = findKubeconfig(options.kubeconfig);
      const store = await connect({ kubeconfig });
      if (options.wait > 0) await store.list(PROBE);
      return store;
    } catch (error) {
      const { code } = error as StoreError;
      const mayPass = error instanceof UsageError || code === 'Unavailable';
      if (!mayPass || performance.now() > deadline) throw error;
      await sleep(RETRY_MS);
    }
  }
}

/** Served by every server of ours, and small. */
const PROBE = {
  group: 'projectcalico.org',
  version: 'v3',
  kind: 'IPPool',
  plural: 'ippools',
  namespaced: false,
};

function findKubeconfig(given: string | undefined): string {
  const said = given ?? process.env.KUBECONFIG;
  if (said) {
    if (existsSync(said)) return said;
    throw new UsageError(`there is no kubeconfig ${said}`);
  }
  const usual = [join(homedir(), '.kube/config'), ADMIN_KUBECONFIG];
  const found = usual.find((path) => existsSync(path));
  if (found) return found;
  runInsideLab();
  throw new UsageError(
    `no server found: there is no ${usual.join(', no ')}, KUBECONFIG is not set, and no lab runs. Give --kubeconfig FILE, or start a lab: npm run lab -- --keep`,
  );
}

/**
 * A lab's API server is reached only from its network. Runs this very command there, with the host's files as they
 * are, and ends with its exit code; returns when there is no lab.
 */
function runInsideLab(): void {
  for (const lab of runningLabs())
    for (const node of lab.nodes) {
      const kubeconfig = `/proc/${node.pid}/root${ADMIN_KUBECONFIG}`;
      if (!existsSync(kubeconfig)) continue;
      console.error(`(using the lab ${lab.parent.name})`);
      const args = ['-t', String(node.pid), '-n', '--', process.execPath, ...process.execArgv];
      const { status } = spawnSync('nsenter', [...args, ...process.argv.slice(1)], {
        stdio: 'inherit',
        env: { ...process.env, KUBECONFIG: kubeconfig },
      });
      process.exit(status ?? 1);
    }
}

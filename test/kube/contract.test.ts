/** The datastore's contract on a real kube-apiserver, so that it describes Kubernetes and not us. */
import { spawnSync } from 'node:child_process';
import { contract } from '../datastore/contract.ts';
import { findPrograms } from './programs.ts';
import { startKubeUnderTest } from './under-test.ts';

const programs = findPrograms();

if ('missing' in programs)
  test.skip(`a real kube-apiserver: there is no ${programs.missing}`, () => {});
else
  contract('kube-apiserver', () => startKubeUnderTest(programs), {
    holdsEveryRule: false,
    listsByWatch: etcdReportsProgress(programs.etcd),
  });

/** kube-apiserver lists by watch only on an etcd that reports progress: 3.4.25, 3.5.8 and later. */
function etcdReportsProgress(etcd: string): boolean {
  const text = spawnSync(etcd, ['--version'], { encoding: 'utf8' }).stdout;
  const [minor = 0, patch = 0] =
    /etcd Version: 3\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number) ?? [];
  return minor > 5 || (minor === 5 && patch >= 8) || (minor === 4 && patch >= 25);
}

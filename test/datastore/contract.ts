/**
 * The contract of the datastore: what the cores, kubectl and our reflector count on. It is run
 * against the embedded API server and against a real kube-apiserver, so that the first cannot drift
 * from the second.
 */
import { connect, type Datastore } from '../../src/datastore/index.ts';
import { compactionContract } from './contract/compaction.ts';
import { concurrencyContract } from './contract/concurrency.ts';
import { credentialsContract } from './contract/credentials.ts';
import { discoveryContract } from './contract/discovery.ts';
import { kubernetesKindsContract } from './contract/kubernetes-kinds.ts';
import { lifecycleContract } from './contract/lifecycle.ts';
import { listContract } from './contract/list.ts';
import { patchContract } from './contract/patch.ts';
import { reflectorContract } from './contract/reflector.ts';
import { tableContract } from './contract/table.ts';
import { validationContract } from './contract/validation.ts';
import { watchContract } from './contract/watch.ts';
import { writeContract } from './contract/write.ts';

export interface ServerUnderTest {
  /** A file, with every right. Our resources are served, and the namespace `default` is there. */
  kubeconfig: string;
  /** Makes every revision up to now expire. */
  compact(): Promise<void>;
  close(): Promise<void>;
}

/** What servers may differ in, and nothing else. */
export interface Abilities {
  /**
   * Whether the server holds every rule of our schemas. A kube-apiserver holds those that a CRD can
   * say, and lets the others pass.
   */
  holdsEveryRule: boolean;
  /** Whether a watch without a revision, or with sendInitialEvents, tells what is there. */
  listsByWatch: boolean;
}

/** What a test is handed; `store` is there once the tests run. */
export interface Contract {
  readonly store: Datastore;
  readonly server: ServerUnderTest;
  readonly abilities: Abilities;
  /** A name that no other test uses. */
  fresh(base: string): string;
}

export function contract(
  name: string,
  start: () => Promise<ServerUnderTest>,
  abilities: Abilities,
): void {
  describe(name, () => {
    let server: ServerUnderTest | undefined;
    let store: Datastore | undefined;
    let names = 0;

    beforeAll(async () => {
      server = await start();
      store = await connect({ kubeconfig: server.kubeconfig });
    }, 180_000);

    afterAll(async () => {
      store?.close();
      await server?.close();
    }, 60_000);

    const context: Contract = {
      get store() {
        return store!;
      },
      get server() {
        return server!;
      },
      abilities,
      fresh: (base) => `${base}-${++names}`,
    };

    describe('writes', () => writeContract(context));
    describe('validation', () => validationContract(context));
    describe('patches', () => patchContract(context));
    describe('the end of an object', () => lifecycleContract(context));
    describe('lists', () => listContract(context));
    describe('watches', () => watchContract(context));
    describe('concurrent writers', () => concurrencyContract(context));
    describe("Kubernetes' own kinds", () => kubernetesKindsContract(context));
    describe('tables', () => tableContract(context));
    describe('discovery', () => discoveryContract(context));
    describe('credentials', () => credentialsContract(context));
    describe('the reflector', () => reflectorContract(context));
    describe('compaction', () => compactionContract(context));
  });
}

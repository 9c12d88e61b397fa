/**
 * The annotations of this node's pods and of namespaces, from watches. A pod may be wired before its watch has told of
 * it; what is not known, or of another pod of that name, is read.
 */
import { Namespace, Pod } from '../../api/index.ts';
import type { Clock, KubeObject, Log, Random, ResourceType, StoreError } from '../../ports.ts';
import { type Datastore, Reflector } from '../datastore/index.ts';
import type { PodAnnotations } from './annotations.ts';

export interface PodsOptions {
  store: Pick<Datastore, 'get' | 'listPage' | 'watch'>;
  nodeName: string;
  clock: Clock;
  random: Random;
  log: Log;
}

export class Pods {
  readonly #store: PodsOptions['store'];
  readonly #pods: Reflector<Pod>;
  readonly #namespaces: Reflector<Namespace>;

  constructor({ nodeName, ...options }: PodsOptions) {
    this.#store = options.store;
    const fieldSelector = `spec.nodeName=${nodeName}`;
    this.#pods = new Reflector<Pod>({ ...options, type: Pod, fieldSelector });
    this.#namespaces = new Reflector<Namespace>({ ...options, type: Namespace });
  }

  /**
   * @param uid of the Pod, where the runtime tells it: else a successor might be wired as its predecessor asked.
   * @throws StoreError when the datastore must be asked and does not answer.
   */
  async annotations(
    namespace: string,
    name: string,
    uid: string | undefined,
  ): Promise<PodAnnotations> {
    const known = this.#pods.get(name, namespace);
    const isKnown = known !== undefined && (uid === undefined || known.metadata.uid === uid);
    const [pod, itsNamespace] = await Promise.all([
      isKnown ? known : this.#read(Pod, name, namespace),
      this.#namespaces.get(namespace) ?? this.#read(Namespace, namespace),
    ]);
    return {
      pod: pod?.metadata.annotations ?? {},
      namespace: itsNamespace?.metadata.annotations ?? {},
    };
  }

  close(): void {
    this.#pods.close();
    this.#namespaces.close();
  }

  /** Undefined when there is none: a static pod is wired before the kubelet has told the API server of it. */
  async #read<T extends KubeObject>(
    type: ResourceType<T>,
    name: string,
    namespace?: string,
  ): Promise<T | undefined> {
    try {
      return await this.#store.get(type, name, namespace);
    } catch (error) {
      if ((error as StoreError).code === 'NotFound') return undefined;
      throw error;
    }
  }
}

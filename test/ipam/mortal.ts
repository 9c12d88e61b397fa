/** A store whose caller can die: from then on it hears nothing, though what it asked may happen. */

import type { Store } from '../../ports.ts';

export function mortal(store: Store): { store: Store; die: () => void } {
  let isDead = false;
  const never = new Promise<never>(() => {});
  const proxy = new Proxy(store, {
    get:
      (target, verb: keyof Store) =>
      (...args: unknown[]) => {
        if (isDead) return never;
        const call = (target[verb] as (...args: unknown[]) => Promise<unknown>).apply(target, args);
        return call.then(
          (answer) => (isDead ? never : answer),
          (error) => (isDead ? never : Promise.reject(error)),
        );
      },
  });
  return {
    store: proxy,
    die: () => {
      isDead = true;
    },
  };
}

/** The client of the datastore: `connect` and `Reflector`. */

export {
  type ConnectOptions,
  collectionPath,
  connect,
  Datastore,
  objectPath,
  type Page,
  type PatchType,
  type Selection,
  type WriteOptions,
} from './client.ts';
export { DatastoreError, type StatusCause, type StoreErrorCode, storeErrorCode } from './errors.ts';
export { type ChangeKind, type OnChange, Reflector, type ReflectorOptions } from './reflector.ts';
export { type Answer, DEFAULT_DEADLINE_MS, type Request, type Stream } from './transport.ts';

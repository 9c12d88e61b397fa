import { ATTRIBUTE, FLAG_OPTIONAL } from '../constants.ts';
import { attribute } from './attribute.ts';
import { isListOf, readU32List, u32List } from './shapes.ts';

/** CLUSTER_LIST, RFC 4456 §8: the reflection clusters that the route came through, nearest first. */
export const clusterList = attribute({
  code: ATTRIBUTE.CLUSTER_LIST,
  name: 'CLUSTER_LIST',
  key: 'clusterList',
  flags: FLAG_OPTIONAL,
  internalOnly: true,
  onError: 'treat-as-withdraw',
  clause: 'RFC 7606 §7.10',
  expects: 'a multiple of 4 octets, not 0',
  check: isListOf(4),
  decode: (bytes, start, length): readonly number[] => readU32List(bytes, start, length),
  encode: u32List,
});

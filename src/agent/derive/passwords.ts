/** The passwords of sessions (RFC 2385, RFC 5925), from the Secrets that BGPPeers and BGPConfiguration name. Pure. */
import type { TcpAoAlgorithm } from 'rtnetlink-ts';
import type { BGPConfiguration, BGPPeer, Secret } from '../../../api/index.ts';
import type { SigningKeys } from '../../../bgp/transport/transport.ts';

/** Where a password is, and who says so: `BGPPeer "rack-a"`. */
export interface PasswordRef {
  owner: string;
  secret: string;
  key: string;
}

/** As SigningKeys, by where the passwords are. */
export interface SigningRefs {
  md5Key?: PasswordRef | undefined;
  aoKeys?: readonly { id: number; algorithm: TcpAoAlgorithm; password: PasswordRef }[];
}

type PeerSpec = NonNullable<BGPPeer['spec']>;

/** TCP_MD5SIG_MAXKEYLEN, and TCP_AO_MAXKEYLEN */
const MAX_OCTETS = 80;

/** Undefined: the resource has no password. */
export function passwordRef(
  owner: string,
  password: PeerSpec['password'],
): PasswordRef | undefined {
  const { name = '', key } = password?.secretKeyRef ?? {};
  return key === undefined ? undefined : { owner, secret: name, key };
}

export function signingRefs(owner: string, { password, tcpAO }: PeerSpec): SigningRefs {
  if (!tcpAO?.length) return { md5Key: passwordRef(owner, password) };
  return {
    aoKeys: tcpAO.map(({ id, algorithm = 'HMAC-SHA-1-96', secretKeyRef }) => ({
      id,
      algorithm,
      password: { owner, secret: secretKeyRef.name ?? '', key: secretKeyRef.key },
    })),
  };
}

/** The names of the Secrets that are needed, each once. */
export function namedSecrets(
  configurations: readonly BGPConfiguration[],
  peers: readonly BGPPeer[],
): Set<string> {
  const named = [
    ...configurations.map(({ spec }) => spec?.nodeMeshPassword),
    ...peers.flatMap(({ spec }) => [spec?.password, ...(spec?.tcpAO ?? [])]),
  ];
  return new Set(named.flatMap((password) => password?.secretKeyRef?.name || []));
}

/**
 * The peers with their keys. One whose password cannot be had is left out: a session without it would
 * be another one. Why is named once for each resource, and never with anything of the password.
 */
export function withKeys<P extends { signing: SigningRefs }>(
  peers: readonly P[],
  secrets: readonly Secret[],
  problems: string[],
): (P & { keys: SigningKeys })[] {
  const named = new Set<string>();
  const read = ({ owner, secret, key }: PasswordRef) => {
    const result = readPassword(secrets, secret, key);
    if ('password' in result) return result.password;
    named.add(`${owner}: no session without its password: ${result.fault}`);
    return undefined;
  };
  const keyed = peers.flatMap((peer) => {
    const keys = readKeys(peer.signing, read);
    return keys === undefined ? [] : [{ ...peer, keys }];
  });
  problems.push(...named);
  return keyed;
}

/** Undefined: not all of them are there. */
function readKeys(
  { md5Key: ref, aoKeys: refs }: SigningRefs,
  read: (ref: PasswordRef) => string | undefined,
): SigningKeys | undefined {
  if (refs !== undefined) {
    const aoKeys = refs.flatMap(({ id, algorithm, password }) => {
      const secret = read(password);
      return secret === undefined ? [] : [{ id, algorithm, secret }];
    });
    return aoKeys.length < refs.length ? undefined : { aoKeys };
  }
  if (ref === undefined) return {};
  const md5Key = read(ref);
  return md5Key === undefined ? undefined : { md5Key };
}

function readPassword(
  secrets: readonly Secret[],
  name: string,
  key: string,
): { password: string } | { fault: string } {
  const title = `Secret ${JSON.stringify(name)}`;
  const secret = secrets.find(({ metadata }) => metadata.name === name);
  if (!secret) return { fault: `${title} is not there, or may not be read` };
  // An API server has turned this into data; in a file it stands as written.
  const { stringData = {}, data = {} } = secret;
  if (!Object.hasOwn(stringData, key) && !Object.hasOwn(data, key))
    return { fault: `${title} has no key ${JSON.stringify(key)}` };
  const text = stringData[key];
  const octets = text === undefined ? Buffer.from(data[key]!, 'base64') : Buffer.from(text);
  if (octets.length === 0 || octets.length > MAX_OCTETS)
    return {
      fault: `${JSON.stringify(key)} in ${title} has ${octets.length} octets; TCP takes 1 to ${MAX_OCTETS}`,
    };
  const password = octets.toString();
  if (!Buffer.from(password).equals(octets))
    return { fault: `${JSON.stringify(key)} in ${title} is not UTF-8` };
  return { password };
}

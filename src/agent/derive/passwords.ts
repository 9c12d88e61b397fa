/** The passwords of sessions (RFC 2385), from the Secrets that BGPPeers and BGPConfiguration name. Pure. */
import type { BGPConfiguration, BGPPeer, Secret } from '../../../api/index.ts';

/** Where a password is, and who says so: `BGPPeer "rack-a"`. */
export interface PasswordRef {
  owner: string;
  secret: string;
  key: string;
}

/** TCP_MD5SIG_MAXKEYLEN */
const MAX_OCTETS = 80;

/** Undefined: the resource has no password. */
export function passwordRef(
  owner: string,
  password: NonNullable<BGPPeer['spec']>['password'],
): PasswordRef | undefined {
  const { name = '', key } = password?.secretKeyRef ?? {};
  return key === undefined ? undefined : { owner, secret: name, key };
}

/** The names of the Secrets that are needed, each once. */
export function namedSecrets(
  configurations: readonly BGPConfiguration[],
  peers: readonly BGPPeer[],
): Set<string> {
  const named = [
    ...configurations.map(({ spec }) => spec?.nodeMeshPassword),
    ...peers.map(({ spec }) => spec?.password),
  ];
  return new Set(named.flatMap((password) => password?.secretKeyRef?.name || []));
}

/**
 * The peers with their MD5 keys. One whose password cannot be had is left out: a session without it
 * would be another one. Why is named once for each resource, and never with anything of the password.
 */
export function withMd5Keys<P extends { password: PasswordRef | undefined }>(
  peers: readonly P[],
  secrets: readonly Secret[],
  problems: string[],
): (P & { md5Key?: string })[] {
  const named = new Set<string>();
  const keyed = peers.flatMap((peer): (P & { md5Key?: string })[] => {
    if (peer.password === undefined) return [peer];
    const { owner, secret, key } = peer.password;
    const read = readPassword(secrets, secret, key);
    if ('password' in read) return [{ ...peer, md5Key: read.password }];
    named.add(`${owner}: no session without its password: ${read.fault}`);
    return [];
  });
  problems.push(...named);
  return keyed;
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
      fault: `${JSON.stringify(key)} in ${title} has ${octets.length} octets; TCP MD5 takes 1 to ${MAX_OCTETS}`,
    };
  const password = octets.toString();
  if (!Buffer.from(password).equals(octets))
    return { fault: `${JSON.stringify(key)} in ${title} is not UTF-8` };
  return { password };
}

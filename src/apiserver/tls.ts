/**
 * The server's own certificate authority and certificate, made at the first start: EC P-256, X.509
 * v3 (RFC 5280). Node signs, but issues no certificates, so these are encoded here. The authority
 * stays, since kubeconfigs carry it; the server's certificate is made anew at each start, so that
 * it names the addresses that the server has now.
 */
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { parseAddress } from 'net-ipaddr';
import * as der from './der.ts';
import { writePrivate } from './private-file.ts';

export interface Authority {
  /** PEM. */
  certificate: string;
  key: KeyObject;
}

export interface ServerCertificate {
  /** PEM. */
  cert: string;
  key: string;
}

const DAY_MS = 24 * 3600 * 1000;
const AUTHORITY_DAYS = 20 * 365;
const SERVER_DAYS = 10 * 365;
/** Clients' clocks may be behind. */
const BACKDATE_MS = DAY_MS;

/** The authority in `folder`, made if there is none. */
export function openAuthority(folder: string, nowMs: number): Authority {
  const certificatePath = join(folder, 'ca.crt');
  const keyPath = join(folder, 'ca.key');
  try {
    const certificate = readFileSync(certificatePath, 'utf8');
    const key = createPrivateKey(readFileSync(keyPath));
    if (!new X509Certificate(certificate).checkPrivateKey(key))
      throw new Error(
        `${keyPath} is not the key of ${certificatePath}: remove both to have new ones made`,
      );
    return { certificate, key };
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error;
  }
  const authority = makeAuthority(nowMs);
  // The key first: a crash in between leaves no certificate without its key.
  writePrivate(keyPath, authority.key.export({ type: 'pkcs8', format: 'pem' }) as string);
  writePrivate(certificatePath, authority.certificate);
  return authority;
}

export function makeAuthority(nowMs: number): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = `tortie-ca-${randomBytes(4).toString('hex')}`;
  const certificate = issue({
    subject: name,
    issuer: name,
    publicKey,
    issuerPublicKey: publicKey,
    signingKey: privateKey,
    nowMs,
    days: AUTHORITY_DAYS,
    extensions: [
      extension(BASIC_CONSTRAINTS, true, der.sequence(der.boolean(true))),
      // keyCertSign, cRLSign
      extension(KEY_USAGE, true, der.bitString(Buffer.of(0b0000_0110), 1)),
    ],
  });
  return { certificate, key: privateKey };
}

/** @param names Host names and addresses that clients may use. */
export function issueServerCertificate(
  authority: Authority,
  names: readonly string[],
  nowMs: number,
): ServerCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = new X509Certificate(authority.certificate);
  const cert = issue({
    subject: 'tortie-apiserver',
    issuer: issuer.subject.replace(/^CN=/, ''),
    publicKey,
    issuerPublicKey: issuer.publicKey,
    signingKey: authority.key,
    nowMs,
    days: SERVER_DAYS,
    extensions: [
      extension(BASIC_CONSTRAINTS, true, der.sequence()),
      // digitalSignature
      extension(KEY_USAGE, true, der.bitString(Buffer.of(0b1000_0000), 7)),
      extension(EXT_KEY_USAGE, false, der.sequence(der.objectIdentifier(SERVER_AUTH))),
      extension(SUBJECT_ALT_NAME, false, der.sequence(...names.map(generalName))),
    ],
  });
  return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';
const KEY_USAGE = '2.5.29.15';
const SUBJECT_ALT_NAME = '2.5.29.17';
const BASIC_CONSTRAINTS = '2.5.29.19';
const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35';
const EXT_KEY_USAGE = '2.5.29.37';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

interface Certificate {
  subject: string;
  issuer: string;
  publicKey: KeyObject;
  issuerPublicKey: KeyObject;
  signingKey: KeyObject;
  nowMs: number;
  days: number;
  extensions: Buffer[];
}

/** RFC 5280 §4.1. */
function issue(certificate: Certificate): string {
  const { publicKey, issuerPublicKey, nowMs, days, extensions } = certificate;
  const algorithm = der.sequence(der.objectIdentifier(ECDSA_WITH_SHA256));
  const toBeSigned = der.sequence(
    der.explicit(0, der.integer(Buffer.of(2))), // v3
    der.integer(randomBytes(16)),
    algorithm,
    commonName(certificate.issuer),
    der.sequence(der.time(nowMs - BACKDATE_MS), der.time(nowMs + days * DAY_MS)),
    commonName(certificate.subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der.explicit(
      3,
      der.sequence(
        ...extensions,
        extension(SUBJECT_KEY_IDENTIFIER, false, der.octetString(keyIdentifier(publicKey))),
        extension(
          AUTHORITY_KEY_IDENTIFIER,
          false,
          der.sequence(der.implicit(0, keyIdentifier(issuerPublicKey))),
        ),
      ),
    ),
  );
  const signature = sign('sha256', toBeSigned, certificate.signingKey);
  return pem(der.sequence(toBeSigned, algorithm, der.bitString(signature)));
}

function commonName(name: string): Buffer {
  return der.sequence(
    der.set(der.sequence(der.objectIdentifier(COMMON_NAME), der.utf8String(name))),
  );
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  const critical = isCritical ? [der.boolean(true)] : [];
  return der.sequence(der.objectIdentifier(id), ...critical, der.octetString(value));
}

function generalName(name: string): Buffer {
  return isIP(name)
    ? der.implicit(7, parseAddress(name).bytes)
    : der.implicit(2, Buffer.from(name));
}

/** RFC 7093 §2: any identifier that is unique will do. */
function keyIdentifier(key: KeyObject): Buffer {
  const encoded = key.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(encoded).digest().subarray(0, 20);
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

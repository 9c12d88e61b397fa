/** Who a request is from: bearer tokens, made at the first start, one for each role. */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivate } from './private-file.ts';

export type Role = 'admin' | 'node';

export type Tokens = Readonly<Record<Role, string>>;

const TOKEN_BYTES = 32;

/** The tokens in `folder`, made if there are none. */
export function openTokens(folder: string): Tokens {
  const path = join(folder, 'tokens.json');
  try {
    const { admin, node } = JSON.parse(readFileSync(path, 'utf8'));
    if (!isToken(admin) || !isToken(node))
      throw new Error(`${path} does not hold the tokens: remove it to have new ones made`);
    return { admin, node };
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error;
  }
  const tokens = { admin: makeToken(), node: makeToken() };
  writePrivate(path, `${JSON.stringify(tokens)}\n`);
  return tokens;
}

function makeToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && value.length >= TOKEN_BYTES;
}

/** Whose token an Authorization header carries. Undefined: nobody's, or there is none. */
export function authenticator(
  tokens: Tokens,
): (authorization: string | undefined) => Role | undefined {
  const digests = (Object.keys(tokens) as Role[]).map(
    (role) => [role, digest(tokens[role])] as const,
  );
  return (authorization = '') => {
    const [, token] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
    if (token === undefined) return undefined;
    // Digests have one length, and comparing them takes the same time for every wrong token.
    const given = digest(token);
    return digests.find(([, known]) => timingSafeEqual(known, given))?.[0];
  };
}

function digest(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}

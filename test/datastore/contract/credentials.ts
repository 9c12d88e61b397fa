import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { IPPool } from '../../../api/index.ts';
import { connect } from '../../../src/datastore/index.ts';
import type { Contract } from '../contract.ts';
import { rawRequest } from './raw.ts';

interface Config {
  clusters: { cluster: Record<string, unknown> }[];
  users: { user: Record<string, unknown> }[];
}

export function credentialsContract(contract: Contract): void {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tortie-credentials-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** The first read of an IPPool with a kubeconfig that `change` has spoilt. */
  async function readWith(change: (config: Config) => void): Promise<unknown> {
    const config = parse(readFileSync(contract.server.kubeconfig, 'utf8')) as Config;
    change(config);
    const kubeconfig = join(folder, 'config');
    writeFileSync(kubeconfig, stringify(config));
    const store = await connect({ kubeconfig });
    try {
      return await store.list(IPPool);
    } finally {
      store.close();
    }
  }

  test('a wrong token is refused, and the kubeconfig named', async () => {
    await expect(
      readWith(({ users }) => {
        users[0]!.user = { token: 'wrong' };
      }),
    ).rejects.toMatchObject({
      code: 'Unauthorized',
      status: 401,
      message: expect.stringContaining(
        `${contract.store.server} does not accept the credentials from ${join(folder, 'config')}`,
      ),
    });
  });

  test('no token is refused as well', async () => {
    await expect(
      readWith(({ users }) => {
        users[0]!.user = {};
      }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^(Unauthorized|Forbidden)$/) });
  });

  test('a server that the CA does not vouch for is not spoken to', async () => {
    await expect(
      readWith(({ clusters }) => {
        const { server } = clusters[0]!.cluster;
        clusters[0]!.cluster = { server };
      }),
    ).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(
        /certificate of https:.* is not signed by the CA .*Take the CA/,
      ),
    });
  });

  test('http:// to a server that speaks TLS is said to be that', async () => {
    await expect(
      readWith(({ clusters }) => {
        const { cluster } = clusters[0]!;
        cluster.server = String(cluster.server).replace('https:', 'http:');
      }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^(Invalid|Unavailable)$/) });
  });

  test('an answer to a stranger is a Status too', async () => {
    const { status, body } = await rawRequest(contract.server.kubeconfig, {
      path: '/apis/projectcalico.org/v3/ippools',
      headers: { authorization: 'Bearer wrong' },
    });
    expect(status).toBe(401);
    expect(JSON.parse(body)).toMatchObject({ kind: 'Status', reason: 'Unauthorized', code: 401 });
  });
}

/**
 * A real kube-apiserver with its etcd, on loopback, in a folder of their own that goes away with
 * them. There is no kubelet and no controller: what a test needs of nodes and pods it creates.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.ts';
import type { Programs } from './programs.ts';

export interface KubeApiserver {
  url: string;
  /** A file: admin by token, the server's certificate as CA. */
  kubeconfig: string;
  etcdUrl: string;
  close(): Promise<void>;
}

const READY_WITHIN_MS = 120_000;
const POLL_MS = 100;

export async function startKubeApiserver(programs: Programs): Promise<KubeApiserver> {
  const folder = mkdtempSync(join(tmpdir(), 'tortie-kube-'));
  const children: Child[] = [];
  const close = async () => {
    // Killed, not asked: nothing here outlives the test, and kube-apiserver takes seconds to end.
    await Promise.all(children.reverse().map((child) => child.kill()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const [client, peer, secure] = [await freePort(), await freePort(), await freePort()];
    const etcdUrl = `http://127.0.0.1:${client}`;
    children.push(
      new Child(folder, 'etcd', programs.etcd, [
        '--data-dir',
        join(folder, 'etcd'),
        '--unsafe-no-fsync',
        '--listen-client-urls',
        etcdUrl,
        '--advertise-client-urls',
        etcdUrl,
        '--listen-peer-urls',
        `http://127.0.0.1:${peer}`,
        '--log-level',
        'error',
      ]),
    );
    const token = randomBytes(16).toString('hex');
    writeCredentials(folder, token);
    const server = new Child(folder, 'kube-apiserver', programs.kubeApiserver, [
      `--etcd-servers=${etcdUrl}`,
      `--secure-port=${secure}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      '--endpoint-reconciler-type=none',
      `--cert-dir=${join(folder, 'certs')}`,
      '--authorization-mode=Node,RBAC',
      `--token-auth-file=${join(folder, 'tokens.csv')}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${join(folder, 'sa.pub')}`,
      `--service-account-signing-key-file=${join(folder, 'sa.key')}`,
      '--disable-admission-plugins=ServiceAccount',
      // Pages come from etcd, as in servers before 1.34: those from memory outlive a compaction,
      // and no test could see a continuation expire.
      '--feature-gates=ListFromCacheSnapshot=false',
    ]);
    children.push(server);
    const url = `https://127.0.0.1:${secure}`;
    await untilReady(url, token, children);
    const kubeconfig = writeKubeconfig(folder, url, token);
    return { url, kubeconfig, etcdUrl, close };
  } catch (error) {
    await close();
    throw error;
  }
}

class Child {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #log: string;
  #code: number | string | undefined;

  constructor(folder: string, name: string, program: string, args: string[]) {
    this.name = name;
    this.#log = join(folder, `${name}.log`);
    const log = openSync(this.#log, 'w');
    // --pdeathsig: a test run that is itself killed leaves no server behind.
    this.#process = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
      cwd: folder,
      stdio: ['ignore', log, log],
    });
    this.#exited = new Promise((resolve) => {
      this.#process.on('error', (error) => {
        this.#code = error.message;
        resolve();
      });
      this.#process.on('exit', (code, signal) => {
        this.#code = code ?? signal ?? 'gone';
        resolve();
      });
    });
  }

  /** Throws with the end of its log when it is no longer running. */
  check(): void {
    if (this.#code === undefined) return;
    const tail = readFileSync(this.#log, 'utf8').slice(-3000);
    throw new Error(`${this.name} ended (${this.#code}):\n${tail}`);
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exited;
  }
}

function writeCredentials(folder: string, token: string): void {
  mkdirSync(join(folder, 'certs'));
  writeFileSync(join(folder, 'tokens.csv'), `${token},admin,admin,"system:masters"\n`, {
    mode: 0o600,
  });
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  writeFileSync(join(folder, 'sa.pub'), publicKey);
  writeFileSync(join(folder, 'sa.key'), privateKey, { mode: 0o600 });
}

function writeKubeconfig(folder: string, url: string, token: string): string {
  const path = join(folder, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [
      {
        name: 'test',
        // Its own certificate and the CA that it made for itself are in one file.
        cluster: { server: url, 'certificate-authority': join(folder, 'certs', 'apiserver.crt') },
      },
    ],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
  };
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

async function untilReady(url: string, token: string, children: Child[]): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    for (const child of children) child.check();
    if (await answers(`${url}/readyz`, token)) return;
    if (performance.now() > deadline)
      throw new Error(`kube-apiserver was not ready within ${READY_WITHIN_MS / 1000} s`);
    await sleep(POLL_MS);
  }
}

function answers(url: string, token: string): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}` };
    // Its certificate is being made at this moment; every request of a test checks it.
    const asked = request(url, { headers, rejectUnauthorized: false, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.setTimeout(2000, () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.end();
  });
}

/**
 * Brings a fresh Debian machine to where `npm run lab` (argument: lab) or `npm test` (argument: test)
 * can run: npm packages, then Debian packages. Says what it does; does nothing that is already done.
 * Plain JavaScript for Node 18+, since it runs before anything is installed.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const LAB_PACKAGES = [
  'iproute2',
  'iputils-ping',
  'util-linux',
  'nftables',
  'gcc',
  'libc6-dev',
  'musl-tools',
  'bird2',
  'frr',
];
const TEST_PACKAGES = [
  ...LAB_PACKAGES,
  'gobgpd',
  'openbgpd',
  'exabgp',
  'stayrtr',
  'iptables',
  'containernetworking-plugins',
  'containerd',
  'runc',
  'podman',
  'busybox-static',
  'etcd-server',
  'curl',
  'user-mode-linux',
  'kmod',
];

/** Debian starts a daemon as soon as it is installed, unless this file says no (exit code 101). */
const POLICY = '/usr/sbin/policy-rc.d';

const purpose = process.argv[2];
if (purpose !== 'lab' && purpose !== 'test') fail('usage: node bin/setup.js lab|test');
if (process.getuid?.() !== 0)
  fail(`npm run ${purpose} needs root, for network namespaces and packages. Run it again as root.`);

installNpmPackages();
installDebianPackages(purpose === 'lab' ? LAB_PACKAGES : TEST_PACKAGES);

function installNpmPackages() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.tortie-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('installing npm packages (npm ci)');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], 'npm ci failed; see above');
  writeFileSync(stamp, wanted);
}

function installDebianPackages(packages) {
  const missing = packages.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  if (spawnSync('apt-get', ['--version']).error)
    fail(`this machine has no apt-get. Install what these Debian packages hold: ${missing}`);
  say(`installing Debian packages: ${missing.join(' ')}`);
  const ownPolicy = !existsSync(POLICY);
  if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    // The package lists may be absent or too old to name files that still exist: then read them anew, once.
    if (!aptInstall(missing)) {
      say('reading the package lists (apt-get update)');
      run('apt-get', ['update', '-qq'], 'apt-get update failed; see above');
      if (!aptInstall(missing)) fail(`apt-get could not install ${missing.join(' ')}; see above`);
    }
  } finally {
    if (ownPolicy) unlinkSync(POLICY);
  }
}

function isInstalled(name) {
  const query = spawnSync('dpkg-query', ['-W', '-f=${db:Status-Status}', name]);
  return query.stdout?.toString() === 'installed';
}

function aptInstall(packages) {
  const args = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

function run(command, args, failure) {
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (done.status !== 0) fail(failure);
}

function say(text) {
  console.log(`setup: ${text}`);
}

function fail(text) {
  console.error(`setup: ${text}`);
  process.exit(1);
}

/**
 * `node test/support/requirements.ts`: makes sure that the machine has what the tests need beside
 * npm's packages. As root on Debian it installs what is missing, without starting any service;
 * elsewhere it says in one line what to install and exits with 1. Packages named as arguments are
 * needed too: the benchmark's, and the fault run's.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { installedPostgres } from './postgres-binaries.ts';
import { RABBITMQ_SERVER } from './rabbitmq.ts';

type Requirement = { readonly debianPackage: string; readonly isMet: () => boolean };

const hasProgram = (...names: readonly string[]): boolean => {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin'];
  return folders.some((folder) => names.some((name) => existsSync(path.join(folder, name))));
};

/** One line for each; the tests of the console add theirs. */
const REQUIREMENTS: readonly Requirement[] = [
  { debianPackage: 'postgresql', isMet: () => installedPostgres() !== undefined },
  { debianPackage: 'nats-server', isMet: () => hasProgram('nats-server') },
  { debianPackage: 'rabbitmq-server', isMet: () => existsSync(RABBITMQ_SERVER) },
  { debianPackage: 'netcat-openbsd', isMet: () => hasProgram('nc') },
];

/** What only those ask for who name it. */
const BY_NAME: readonly Requirement[] = [
  { debianPackage: 'redis-server', isMet: () => hasProgram('redis-server') },
  { debianPackage: 'faketime', isMet: () => hasProgram('faketime') },
];

const POLICY = '/usr/sbin/policy-rc.d';

const aptGet = (...args: readonly string[]): boolean => {
  const options = ['-o', 'Dpkg::Options::=--force-confold', '-o', 'DPkg::Lock::Timeout=120'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const all = ['-y', '-q', '--no-install-recommends', ...options, ...args];
  return spawnSync('apt-get', all, { env, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
};

/** Debian's packages ask this file before they start a service: 101 forbids it. */
const withoutServices = (work: () => boolean): boolean => {
  if (existsSync(POLICY)) return work();
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return work();
  } finally {
    rmSync(POLICY, { force: true });
  }
};

const canInstall = (): boolean => {
  try {
    accessSync('/etc/debian_version');
    return process.getuid?.() === 0 && hasProgram('apt-get');
  } catch {
    return false;
  }
};

const named = BY_NAME.filter(({ debianPackage }) => process.argv.includes(debianPackage));
const missing = [...REQUIREMENTS, ...named].filter(({ isMet }) => !isMet());
const packages = missing.map(({ debianPackage }) => debianPackage);
if (missing.length > 0 && canInstall()) {
  withoutServices(() => aptGet('update') && aptGet('install', ...packages));
}
const still = missing.filter(({ isMet }) => !isMet());
if (still.length > 0) {
  console.error(`The tests need what is not here: sudo apt-get install ${packages.join(' ')}`);
  process.exitCode = 1;
}

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, freemem, loadavg, release, totalmem } from 'node:os';
import { REPOSITORY } from '../support/start-switchyard.ts';

const GIB_BYTES = 2 ** 30;

const versionOf = (file: string, ...args: readonly string[]): string => {
  try {
    const text = execFileSync(file, args, { encoding: 'utf8', cwd: REPOSITORY });
    return text.trim().split('\n')[0] ?? '';
  } catch {
    return `${file}: none`;
  }
};

const systemName = (): string => {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  } catch {
    return process.platform;
  }
};

/** What the figures were read on: a ratio holds elsewhere, a bare figure only here. */
export const describeMachine = (postgresVersion: string): Readonly<Record<string, string>> => ({
  processors: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}`,
  memory: `${(totalmem() / GIB_BYTES).toFixed(1)} GiB, ${(freemem() / GIB_BYTES).toFixed(1)} free`,
  load: loadavg()
    .map((one) => one.toFixed(2))
    .join(' '),
  system: `${systemName()}, Linux ${release()}`,
  node: process.version,
  postgres: postgresVersion,
  nats: versionOf('nats-server', '--version'),
  redis: versionOf('redis-server', '--version'),
  commit: versionOf('git', 'rev-parse', '--short', 'HEAD'),
});

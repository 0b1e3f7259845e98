import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import {
  type Config,
  type ConfigFileResult,
  type ConfigResult,
  SECRETS_FILE_NAME,
} from '@switchyard/runtime';
import { type Finding, findingsOf } from './finding.ts';

const { fine, warning, error } = findingsOf('configuration');

/** What the environment says. */
export const checkEnvironment = (read: ConfigResult): Finding[] => {
  if (!read.ok) {
    return read.problems.map((problem) =>
      error('environment.invalid', problem, 'Set it right, or unset it for its default.'),
    );
  }
  const { config } = read;
  const findings = config.warnings.map((sentence) =>
    warning('environment.unknown', sentence, 'Rename or unset it: as it is nobody reads it.'),
  );
  if (config.databaseUrl !== undefined && config.masterKeys === undefined) {
    findings.push(
      warning(
        'environment.no_master_key',
        'DATABASE_URL is set and SWITCHYARD_MASTER_KEY is not, so services do not start from here.',
        'Set it to the key that the services have; of a new system: openssl rand -base64 32',
      ),
    );
  }
  if (findings.length > 0) return findings;
  return [fine('environment', 'Every variable of the environment is known and well-formed.')];
};

/** What the configuration file says, and whether its workers could be started on this machine. */
export const checkFile = async (
  read: ConfigFileResult,
  searchPath: string | undefined,
): Promise<Finding[]> => {
  if (!read.ok) {
    return read.problems.map((problem) =>
      error('file.invalid', problem, 'Correct the file; switchyard.yaml in the README is one.'),
    );
  }
  if (read.path === undefined) {
    return [fine('file', 'There is no switchyard.yaml: this machine starts no workers.')];
  }
  const findings: Finding[] = [];
  for (const [name, { command, cwd }] of Object.entries(read.file.workerTemplates ?? {})) {
    const folder = path.resolve(path.dirname(read.path), cwd ?? '.');
    const fault = await faultOfCommand(command[0] ?? '', folder, searchPath);
    if (fault === undefined) continue;
    findings.push(
      error(
        'template.no_command',
        `The worker template "${name}" cannot be started: ${fault}.`,
        `Correct workerTemplates.${name} in ${read.path}, or install what it names.`,
      ),
    );
  }
  const count = Object.keys(read.file.workerTemplates ?? {}).length;
  if (findings.length > 0) return findings;
  return [fine('file', `${read.path} is well-formed; ${count} worker templates can be started.`)];
};

/** Why a command cannot be started in `folder`, as the end of a sentence. */
const faultOfCommand = async (
  program: string,
  folder: string,
  searchPath = '',
): Promise<string | undefined> => {
  if (!(await isFolder(folder))) return `its cwd ${folder} is no directory`;
  // As a supervisor starts it: `node` is the one that Switchyard runs on.
  if (program === 'node') return undefined;
  const isPath = program.includes('/');
  const folders = isPath ? [folder] : searchPath.split(path.delimiter).filter(Boolean);
  for (const one of folders) {
    const file = path.resolve(one, program);
    if ((await stat(file).catch(() => undefined))?.isFile() !== true) continue;
    if (await may(file, constants.X_OK)) return undefined;
    if (isPath) return `this user may not execute ${file}`;
  }
  return isPath
    ? `there is no file ${path.resolve(folder, program)}`
    : `there is no program "${program}" in PATH`;
};

/** The data directory and the secrets in it. */
export const checkDataDirectory = async ({ dataDir }: Config): Promise<Finding[]> => {
  const folder = path.resolve(dataDir);
  const fault = await faultOfFolder(folder);
  if (fault !== undefined) {
    const remedy = 'Make it writable for the user that runs services, or set SWITCHYARD_DATA_DIR.';
    return [error('data_directory.unwritable', `The data directory ${fault}.`, remedy)];
  }
  const findings = [fine('data_directory', `The data directory ${folder} can be written.`)];
  const file = path.join(folder, SECRETS_FILE_NAME);
  const mode = (await stat(file).catch(() => undefined))?.mode ?? 0;
  if ((mode & 0o077) !== 0) {
    findings.push(
      warning(
        'secrets.open',
        `${file} holds secrets, and others than its owner may read or write it.`,
        `chmod 600 ${file}`,
      ),
    );
  }
  return findings;
};

/** Why a directory cannot be written or made, as the end of a sentence. */
const faultOfFolder = async (folder: string): Promise<string | undefined> => {
  const found = await stat(folder).catch((cause: NodeJS.ErrnoException) => cause.code ?? 'unknown');
  if (typeof found !== 'string') {
    if (!found.isDirectory()) return `${folder} is no directory`;
    const mayWrite = await may(folder, constants.W_OK | constants.X_OK);
    return mayWrite ? undefined : `${folder} cannot be written by this user`;
  }
  const parent = path.dirname(folder);
  if (found === 'ENOENT' && parent !== folder) {
    const fault = await faultOfFolder(parent);
    return fault && `${folder} cannot be made: ${fault}`;
  }
  return found === 'ENOTDIR'
    ? `${folder} cannot be made: a part of its path is no directory`
    : `${folder} cannot be looked at (${found})`;
};

const isFolder = async (folder: string): Promise<boolean> =>
  (await stat(folder).catch(() => undefined))?.isDirectory() === true;

const may = (file: string, mode: number): Promise<boolean> =>
  access(file, mode).then(
    () => true,
    () => false,
  );

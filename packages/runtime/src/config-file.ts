import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type ConfigFile,
  ConfigFileSchema,
  EndpointSettingsSchema,
  parseEndpointId,
  validator,
  WorkerTemplateSchema,
} from '@switchyard/contracts';
import { LineCounter, parseDocument } from 'yaml';
import { isTargetRange, TARGET_RANGE } from './target-guard.ts';

/** The file that is read when none is named. */
const CONFIG_FILE_NAME = 'switchyard.yaml';

const FILE_MAX_BYTES = 4_194_304;

export type ConfigFileResult =
  | {
      readonly ok: true;
      readonly file: ConfigFile;
      /** Where it was read, absolute; unset when there is none. A template's `cwd` starts here. */
      readonly path: string | undefined;
    }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Reads and checks the configuration file `named`, or `switchyard.yaml` of the working directory
 * where there is one. Problems are sentences that name file, field and bound. A file that was named
 * and is not there is a problem; the default one may be missing.
 */
export const readConfigFile = async (named: string | undefined): Promise<ConfigFileResult> => {
  const shown = named ?? CONFIG_FILE_NAME;
  const where = path.resolve(shown);
  let text: string;
  try {
    text = await readFile(where, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code === 'ENOENT' && named === undefined) return { ok: true, file: {}, path: undefined };
    return { ok: false, problems: [`${shown}: ${WHY_UNREADABLE[code] ?? `${code}.`}`] };
  }
  const result = parseConfigFile(text);
  return result.ok
    ? { ok: true, file: result.file, path: where }
    : { ok: false, problems: result.problems.map((problem) => `${shown}: ${problem}`) };
};

const WHY_UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file.',
  ENOTDIR: 'there is no such file.',
  EISDIR: 'it is a directory, not a file.',
  EACCES: 'this user may not read it.',
  EPERM: 'this user may not read it.',
};

const checkFile = validator(ConfigFileSchema);

/** Checks the text of a configuration file, as `switchyard apply` and the start do. */
export const parseConfigFile = (
  text: string,
):
  | { readonly ok: true; readonly file: ConfigFile }
  | { readonly ok: false; readonly problems: readonly string[] } => {
  const parsed = parseYaml(text);
  if (!parsed.ok) return parsed;
  const checked = checkFile(parsed.value);
  if (!checked.ok) {
    const whole = checked.detail.replace(/^The body/, 'The file');
    return { ok: false, problems: [...new Set([whole, ...problemsOfParts(parsed.value)])] };
  }
  const problems = [...problemsOfNames(checked.value), ...problemsOfTargets(checked.value)];
  return problems.length > 0 ? { ok: false, problems } : { ok: true, file: checked.value };
};

type ParsedYaml =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problems: readonly string[] };

const parseYaml = (text: string): ParsedYaml => {
  if (Buffer.byteLength(text) > FILE_MAX_BYTES) {
    return { ok: false, problems: [`The file must be at most ${FILE_MAX_BYTES} bytes.`] };
  }
  const lineCounter = new LineCounter();
  // Pretty errors would quote the line, which may hold a secret of a worker's environment.
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ message, pos }) => {
      const { line, col } = lineCounter.linePos(pos[0]);
      return `line ${line}, column ${col}: ${message.split('\n', 1)[0]}.`;
    });
    return { ok: false, problems };
  }
  try {
    return { ok: true, value: document.toJS() ?? {} };
  } catch (error) {
    // What is left to go wrong are aliases: unknown ones, and those that unfold into a bomb.
    return { ok: false, problems: [`${error instanceof Error ? error.message : String(error)}.`] };
  }
};

/** The first problem of each endpoint and template, so that one start shows them all. */
const problemsOfParts = (value: unknown): string[] => {
  const parts = [
    ['endpoints', EndpointSettingsSchema],
    ['workerTemplates', WorkerTemplateSchema],
  ] as const;
  return parts.flatMap(([section, schema]) => {
    const entries = isRecord(value) ? value[section] : undefined;
    if (!isRecord(entries)) return [];
    return Object.entries(entries).flatMap(([name, part]) => {
      const checked = validator(schema, `${section}.${name}`)(part);
      return checked.ok ? [] : [checked.detail];
    });
  });
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What the schema cannot say of keys: that they are ids. */
const problemsOfNames = (file: ConfigFile): string[] =>
  Object.keys(file.endpoints ?? {}).flatMap((id) =>
    parseEndpointId(id) === undefined
      ? [
          'endpoints: an id must be 1 to 64 lower-case letters, digits and dashes; ' +
            `got ${JSON.stringify(id.slice(0, 80))}.`,
        ]
      : [],
  );

const problemsOfTargets = ({ webhooks }: ConfigFile): string[] =>
  (webhooks?.allowPrivateTargets ?? []).flatMap((entry, index) =>
    isTargetRange(entry)
      ? []
      : [
          `webhooks.allowPrivateTargets[${index}] must be ${TARGET_RANGE}; ` +
            `got ${JSON.stringify(entry.slice(0, 80))}.`,
        ],
  );

/**
 * The problems of endpoints whose template is not in the same file. Only where a supervisor reads
 * it: templates stand in the file of its machine, and others make the endpoints without them.
 */
export const findMissingTemplates = (file: ConfigFile): string[] => {
  const templates = new Set(Object.keys(file.workerTemplates ?? {}));
  return Object.entries(file.endpoints ?? {}).flatMap(([id, { worker }]) => {
    if (worker?.template === undefined || templates.has(worker.template)) return [];
    const known = [...templates].join(', ') || 'none';
    return [
      `endpoints.${id}.worker.template must be one of workerTemplates (${known}); ` +
        `got ${JSON.stringify(worker.template)}.`,
    ];
  });
};

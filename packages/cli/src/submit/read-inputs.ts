import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { scanObject } from '@switchyard/contracts';
import { UsageError } from '../failures.ts';

/** One input, as the bytes that the worker gets, and how to call it in a sentence. */
export type Input = { readonly name: string; readonly bytes: Buffer };

/** Where inputs come from, as the command line says it. */
export type InputSource = {
  readonly text: string | undefined;
  /** Each holds one input. */
  readonly inputFiles: readonly string[];
  /** Holds one input on each line. */
  readonly linesFile: string | undefined;
  /** Each becomes the `image` of an input. */
  readonly base64Files: readonly string[];
};

export type Inputs = {
  /** Whether this is a list, be it of one. */
  readonly isList: boolean;
  /** How many there are, where that is known before they are read. */
  readonly count: number | undefined;
  /** Read as they are asked for. */
  readonly each: AsyncGenerator<Input, void>;
};

const LINE_FEED = 0x0a;
const BLANK = /^\s*$/;

/** Opens the inputs. @throws UsageError unless exactly one source is named and can be read. */
export const openInputs = async (source: InputSource): Promise<Inputs> => {
  const { text, inputFiles, linesFile, base64Files } = source;
  const named = [inputFiles.length > 0, linesFile !== undefined, base64Files.length > 0];
  const ways = named.filter(Boolean).length;
  // With --base64 the text is no input but what all inputs have in common.
  if (ways + (text !== undefined && base64Files.length === 0 ? 1 : 0) !== 1) {
    throw new UsageError(['Give one of INPUT, --input-file, --file or --base64.']);
  }
  if (linesFile !== undefined) return openLines(linesFile);
  if (base64Files.length > 0) {
    const each = wrapFiles(base64Files, commonMembers(text));
    return { isList: true, count: base64Files.length, each };
  }
  if (inputFiles.length > 0) {
    return { isList: inputFiles.length > 1, count: inputFiles.length, each: readWhole(inputFiles) };
  }
  return { isList: false, count: 1, each: readOne(text ?? '') };
};

async function* readOne(text: string): AsyncGenerator<Input, void> {
  const bytes = text === '-' ? await readStandardInput() : Buffer.from(text);
  yield { name: 'INPUT', bytes };
}

const readStandardInput = async (): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part);
  return Buffer.concat(parts);
};

async function* readWhole(files: readonly string[]): AsyncGenerator<Input, void> {
  for (const file of files) yield { name: file, bytes: await readNamed(file) };
}

/** The file's bytes; `-` is standard input. @throws UsageError when it cannot be read. */
export const readNamed = async (file: string): Promise<Buffer> => {
  try {
    return file === '-' ? await readStandardInput() : await readFile(file);
  } catch (error) {
    throw unreadable(file, error);
  }
};

/** What is said of a file that cannot be read. */
export const unreadable = (file: string, error: unknown): UsageError => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return new UsageError([`${file} cannot be read (${code}).`]);
};

/** The members of the object in `text`, to stand behind `image`; checked on the bytes. */
const commonMembers = (text: string | undefined): Buffer => {
  const bytes = Buffer.from(text ?? '{}');
  const scanned = scanObject(bytes, ['image']);
  if (!scanned.ok || scanned.spans.has('image')) {
    throw new UsageError(['With --base64, INPUT must be a JSON object without "image".']);
  }
  const inner = bytes.subarray(bytes.indexOf('{') + 1, bytes.lastIndexOf('}'));
  return BLANK.test(String(inner)) ? Buffer.alloc(0) : Buffer.concat([Buffer.from(','), inner]);
};

async function* wrapFiles(files: readonly string[], common: Buffer): AsyncGenerator<Input, void> {
  for (const file of files) {
    const image = (await readNamed(file)).toString('base64');
    const bytes = Buffer.concat([Buffer.from(`{"image":"${image}"`), common, Buffer.from('}')]);
    yield { name: path.basename(file), bytes };
  }
}

const openLines = async (file: string): Promise<Inputs> => {
  let count: number | undefined;
  // Standard input can be read once only; its count grows as it is read.
  if (file !== '-') {
    count = 0;
    for await (const _ of readLines(file)) count += 1;
  }
  return { isList: true, count, each: readLines(file) };
};

/** Each line that is not blank, without its line feed. Bytes stay as they are. */
async function* readLines(file: string): AsyncGenerator<Input, void> {
  let number = 0;
  let parts: Buffer[] = [];
  const take = (): Input[] => {
    number += 1;
    const bytes = Buffer.concat(parts);
    parts = [];
    return BLANK.test(bytes.toString('latin1', 0, 1_000)) && BLANK.test(String(bytes))
      ? []
      : [{ name: `line ${number}`, bytes }];
  };
  try {
    const source: AsyncIterable<Buffer> = file === '-' ? process.stdin : createReadStream(file);
    for await (const chunk of source) {
      let from = 0;
      for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
        parts.push(chunk.subarray(from, at));
        from = at + 1;
        yield* take();
      }
      parts.push(chunk.subarray(from));
    }
  } catch (error) {
    throw unreadable(file, error);
  }
  yield* take();
}

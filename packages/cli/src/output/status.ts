import { type StatusBody, scanObject } from '@switchyard/contracts';
import { bytesOf } from '@switchyard/sdk';
import { clean, paintState, printBytes, printJson, shorten } from './print.ts';
import { fieldLines } from './table.ts';

const VALUE_SHOWN_MAX = 4_000;
const SENTENCE_SHOWN_MAX = 300;

/** What a person wants to know of a job. `--json` shows what is cut here. */
export const statusLines = (status: StatusBody): string[] => {
  const { switchyard } = status;
  const waiting = switchyard?.waiting;
  const fields: [string, string | undefined][] = [
    ['id', clean(status.id)],
    ['status', paintState(status.status)],
    ['waiting', waiting && clean(`${waiting.reason} (position ${waiting.position})`)],
    ['priority', switchyard?.priority],
    ['attempt', switchyard && String(switchyard.attempt)],
    ['created', switchyard && clean(switchyard.createdAt)],
    ['deadline', switchyard?.deadline && clean(switchyard.deadline)],
    ['delay', msIn(status.delayTime)],
    ['execution', msIn(status.executionTime)],
    ['worker', status.workerId && clean(status.workerId)],
    ['output', status.output === undefined ? undefined : rawField(status, 'output')],
    ['error', status.error === undefined ? undefined : errorSentence(status.error)],
  ];
  return fieldLines(fields.flatMap(([name, value]) => (value ? [[name, value] as const] : [])));
};

/** The status as one line of JSON: the very bytes that the server sent. */
export const printStatusJson = (status: StatusBody): void => {
  const bytes = bytesOf(status);
  if (bytes === undefined) printJson(status);
  else printBytes(bytes);
};

/** Why a job failed, in one line: the message inside, where a worker wrapped it in JSON. */
export const errorSentence = (error: unknown): string => {
  const text = typeof error === 'string' ? error : (JSON.stringify(error) ?? '');
  return shorten(messageIn(text) ?? text, SENTENCE_SHOWN_MAX);
};

const messageIn = (text: string): string | undefined => {
  try {
    const parsed: unknown = JSON.parse(text);
    const isObject = typeof parsed === 'object' && parsed !== null;
    const message: unknown = isObject ? Reflect.get(parsed, 'error_message') : undefined;
    return typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
};

const msIn = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : ms < 10_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`;

/** The value as the worker wrote it, numbers and all. */
const rawField = (status: StatusBody, field: 'output'): string => {
  const bytes = bytesOf(status);
  const scanned = bytes && scanObject(bytes, [field]);
  const span = scanned?.ok === true ? scanned.spans.get(field) : undefined;
  const text = span ? String(bytes?.subarray(span.start, span.end)) : JSON.stringify(status[field]);
  return shorten(text, VALUE_SHOWN_MAX);
};

import { type Armed, FAILPOINT_MODES } from './armed.ts';

const FORM = /^(?<point>[\w.-]+)=(?<mode>[a-z-]+)(?::(?<ms>\d+))?(?:@(?<at>\d+|\*))?$/;
const DELAY_MS = 500;

/** Reads `POINT=MODE[:MS][@N|@*];…`. @throws TypeError that names what cannot be read. */
export const parseArmed = (text: string): Armed[] =>
  text
    .split(/[;\n]/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseOne);

const parseOne = (text: string): Armed => {
  const { point, mode, ms, at } = FORM.exec(text)?.groups ?? {};
  const known = FAILPOINT_MODES.find((one) => one === mode);
  if (point === undefined || known === undefined) {
    const modes = FAILPOINT_MODES.join('|');
    throw new TypeError(`${JSON.stringify(text)} is not POINT=${modes}[:MS][@N|@*].`);
  }
  const delayMs = ms === undefined ? DELAY_MS : Number(ms);
  return { point, mode: known, delayMs, at: at === '*' ? 'all' : Number(at ?? 1) };
};

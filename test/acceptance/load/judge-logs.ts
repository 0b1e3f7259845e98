/** Lines at level error or fatal are trouble; in what is no JSON, words and stacks tell it. */
const isTrouble = (line: string): boolean => {
  if (!line.startsWith('{')) return /^\s+at |\b(?:Error|Exception|FATAL|PANIC)\b/.test(line);
  try {
    const { level }: { level?: unknown } = JSON.parse(line);
    return level === 'error' || level === 'fatal';
  } catch {
    return true;
  }
};

/** The lines of `logs` at level error or fatal, stacks that no logger wrote among them. */
export const troubleIn = (logs: string): string[] => logs.split('\n').filter(isTrouble);

import { randomBytes } from 'node:crypto';

/** A text that stands nowhere else, so that where it is found it came from. */
export const makeCanary = (): string => `canary${randomBytes(12).toString('hex')}`;

/** The middle of the text in base64, which is the same whatever stands around it. */
const base64Forms = (text: string, encoding: 'base64' | 'base64url'): string[] =>
  [0, 1, 2].map((shift) => {
    const whole = Buffer.concat([Buffer.alloc(shift), Buffer.from(text)]).toString(encoding);
    return whole.slice(shift === 0 ? 0 : 4, whole.length - 4);
  });

const formsOf = (text: string): string[] => {
  const hex = Buffer.from(text).toString('hex');
  return [
    ...new Set([
      text,
      text.toUpperCase(),
      hex,
      hex.toUpperCase(),
      ...base64Forms(text, 'base64'),
      ...base64Forms(text, 'base64url'),
    ]),
  ];
};

/** How many of `canaries` stand in one of `texts`: as they are, in hex or in base64. */
export const countFound = (texts: readonly string[], canaries: readonly string[]): number =>
  canaries.filter((canary) => {
    const forms = formsOf(canary);
    return texts.some((text) => forms.some((form) => text.includes(form)));
  }).length;

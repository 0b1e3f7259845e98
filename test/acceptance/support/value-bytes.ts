/**
 * What is wrong with the JSON object in `body`, which must hold `key` with exactly the bytes
 * `value`; undefined when it does. `rest` gets the object with that value as null.
 */
export const faultIn = (
  body: Buffer,
  key: string,
  value: Buffer,
  rest: (object: Readonly<Record<string, unknown>>) => string | undefined = () => undefined,
): string | undefined => {
  const member = Buffer.concat([Buffer.from(`"${key}":`), value]);
  const at = body.indexOf(member);
  if (at < 0) return `other bytes: ${shown(body)}`;
  const end = at + member.length;
  const around = Buffer.concat([
    body.subarray(0, at),
    Buffer.from(`"${key}":null`),
    body.subarray(end),
  ]);
  try {
    const object: unknown = JSON.parse(around.toString('utf8'));
    return typeof object === 'object' && object !== null
      ? rest({ ...object })
      : `no object: ${shown(body)}`;
  } catch {
    return `more or fewer bytes: ${shown(body)}`;
  }
};

const SHOWN_MAX_BYTES = 300;

const shown = (body: Buffer): string =>
  JSON.stringify(body.toString('latin1', 0, SHOWN_MAX_BYTES)) +
  (body.length > SHOWN_MAX_BYTES ? `… (${body.length} bytes)` : '');

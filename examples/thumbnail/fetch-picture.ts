import { PictureError } from './picture-error.ts';

const DOWNLOAD_LIMITS = { maxBytes: 64 * 1024 * 1024, deadlineMs: 60_000 } as const;

/**
 * Downloads `url` and stops reading as soon as it is too much or too slow.
 * @throws PictureError that says why there is no picture; the reason of `signal` when it aborts.
 */
export const fetchPicture = async (
  url: URL,
  signal: AbortSignal,
  limits: { readonly maxBytes: number; readonly deadlineMs: number } = DOWNLOAD_LIMITS,
): Promise<Buffer> => {
  const deadline = AbortSignal.timeout(limits.deadlineMs);
  const shown = nameOf(url);
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, deadline]) });
    if (!response.ok) {
      await response.body?.cancel();
      throw new PictureError(`${shown} answered status ${response.status}.`);
    }
    return await collect(response, shown, limits.maxBytes);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof PictureError) throw cause;
    const why = deadline.aborted
      ? `did not deliver the picture within ${limits.deadlineMs / 1_000} s`
      : `could not be downloaded: ${reasonOf(cause)}`;
    throw new PictureError(`${shown} ${why}.`, { cause });
  }
};

const collect = async (response: Response, shown: string, maxBytes: number): Promise<Buffer> => {
  const tooLarge = () =>
    new PictureError(`${shown} is larger than ${maxBytes} bytes, the most that is downloaded.`);
  if (Number(response.headers.get('content-length')) > maxBytes) {
    await response.body?.cancel();
    throw tooLarge();
  }
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    // Leaving the loop ends the connection.
    if (bytes > maxBytes) throw tooLarge();
    parts.push(part);
  }
  if (bytes === 0) throw new PictureError(`${shown} is empty.`);
  return Buffer.concat(parts);
};

/** The address without what may be secret in it: user, password and query. */
const nameOf = ({ origin, pathname }: URL): string => {
  const name = `${origin}${pathname}`;
  return name.length > 200 ? `${name.slice(0, 200)}…` : name;
};

const reasonOf = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return String(thrown);
  const { cause } = thrown;
  if (cause instanceof Error && cause.message !== '') return cause.message;
  return thrown.message.includes('credentials') ? 'it holds a user or password' : thrown.message;
};

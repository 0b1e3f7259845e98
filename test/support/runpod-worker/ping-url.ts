import type { WorkerConfig } from './config.ts';

/** The ping's address with `query` and the package's version. @throws Error without pings. */
export const pingUrlOf = (
  config: WorkerConfig,
  query: Readonly<Record<string, string>>,
): string => {
  if (config.pingUrl === undefined) throw new Error('this worker does not ping');
  const url = new URL(config.pingUrl);
  for (const [name, value] of Object.entries(query)) url.searchParams.append(name, value);
  url.searchParams.append('runpod_version', '1.12.0');
  return url.href;
};

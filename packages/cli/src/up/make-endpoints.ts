import { type EndpointSettings, parseEndpointId, Refusal } from '@switchyard/contracts';
import { resolveSettings } from '@switchyard/lifecycle';
import { type Loop, startLoop } from '@switchyard/runtime';
import { createEndpoint, listEndpoints } from '@switchyard/store';
import { UsageError } from '../failures.ts';
import type { Parts } from './open-parts.ts';
import { whileAway } from './while-away.ts';

type Wanted = readonly [id: string, settings: EndpointSettings];

/** How long after one try an endpoint that could not be made yet is tried again, in ms. */
const AGAIN_MS = 1_000;

/**
 * Makes the endpoints of the configuration file that do not exist yet; others are not touched. One
 * whose former endpoint is still being deleted is made by the loop that comes back, as soon as
 * that is over: the start does not wait, since the scheduler that deletes may be part of it.
 * @throws UsageError where the file says too little.
 */
export const makeMissingEndpoints = async (parts: Parts): Promise<Loop | undefined> => {
  const { store, log } = parts;
  let wanted = await whileAway(log, async () => {
    const present = new Set((await listEndpoints(store)).map(({ id }) => id));
    const missing = Object.entries(parts.file.file.endpoints ?? {}).filter(
      ([id]) => !present.has(id),
    );
    return makeEndpoints(parts, missing);
  });
  if (wanted.length === 0) return undefined;
  for (const [endpointId] of wanted) {
    log.warn({ endpointId }, 'the former endpoint is still being deleted; it is made after that');
  }
  const loop = startLoop({
    ...{ name: 'make endpoints', everyMs: AGAIN_MS, log },
    run: async () => {
      wanted = await makeEndpoints(parts, wanted);
      if (wanted.length === 0) void loop.stop();
    },
  });
  return loop;
};

/** @returns those that cannot be made yet. */
const makeEndpoints = async (
  { store, log }: Parts,
  wanted: readonly Wanted[],
): Promise<readonly Wanted[]> => {
  const left: Wanted[] = [];
  for (const [id, settings] of wanted) {
    const endpointId = parseEndpointId(id);
    if (endpointId === undefined) throw new TypeError(`${id} was checked with the file`);
    const made = await createEndpoint(store, endpointId, settingsOf(id, settings));
    if (made === 'emptying') left.push([id, settings]);
    else if (made !== 'exists') log.info({ endpointId }, 'the endpoint was made');
  }
  return left;
};

/** What an endpoint of the file begins with. @throws UsageError where the file says too little. */
const settingsOf = (id: string, settings: EndpointSettings) => {
  try {
    return resolveSettings(id, settings);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new UsageError([`endpoints.${id}.${error.problem.detail}`], { cause: error });
  }
};

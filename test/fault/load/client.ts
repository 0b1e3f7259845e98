import { STATES } from '@switchyard/contracts';
import type { Journal, Operation } from '../history.ts';
import type { Random } from '../random.ts';
import type { AskApi, Reply } from './ask-api.ts';

/** What one job of the load has at hand. */
export type Client = {
  readonly api: AskApi;
  readonly journal: Journal<Operation>;
  readonly random: Random;
};

/** Of a key that is limited to one endpoint: it knows no other. */
export type LimitedClient = Client & { readonly reach: string };

/** What the history keeps of a reply. */
export const factOf = ({ json, text: _text, ...told }: Reply) => {
  const jobId = typeof json.id === 'string' ? json.id : undefined;
  const state = STATES.find((name) => name === json.status);
  return {
    jobId,
    fact: {
      ...told,
      ...(jobId === undefined ? {} : { jobId }),
      ...(state === undefined ? {} : { state }),
    },
  };
};

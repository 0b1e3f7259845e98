import { type Breach, type Given, groupBy, tell } from './breach.ts';

/** What a worker of these runs sends as a chunk: which run it is of, and which chunk of it. */
type Told = { readonly run?: unknown; readonly chunk?: unknown };

const toldIn = (output: string): Told => {
  const value: unknown = JSON.parse(output);
  return typeof value === 'object' && value !== null ? value : {};
};

/** The chunks of a claim come from one run, each once, in the order in which they were sent. */
export const checkChunks = ({ chunks }: Given): Breach[] => {
  const claims = [...groupBy(chunks, ({ job, claimNo }) => `${job} claim ${claimNo}`)];
  const mixed = claims.filter(
    ([, own]) => new Set(own.map(({ output }) => toldIn(output).run)).size > 1,
  );
  const torn = claims.filter(([, own]) =>
    own.some(({ seq, output }, at) => {
      const { run, chunk } = toldIn(output);
      if (seq !== at) return true;
      if (chunk === undefined) return false;
      if (run !== undefined) return chunk !== seq;
      // RunPod's worker gives a chunk up whose connection broke, and names no run.
      const before = own[at - 1];
      return before !== undefined && Number(chunk) <= Number(toldIn(before.output).chunk);
    }),
  );
  return [
    ...tell('the chunks of a claim are of one run', mixed, ([claim]) => claim),
    ...tell('the chunks of a claim are whole and in order', torn, ([claim]) => claim),
  ];
};

/** What statements do, as the pinned connections plan them, whatever the statistics say. */
import assert from 'node:assert/strict';
import { listStatements, type Store } from '@switchyard/store';

export type Plan = {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Shared Hit Blocks'?: number;
  readonly 'Shared Read Blocks'?: number;
  readonly Plans?: readonly Plan[];
};

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** The rows that a node read, those that it threw away among them. */
export const rowsRead = (node: Plan): number =>
  ((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)) *
  (node['Actual Loops'] ?? 0);

/**
 * What the statement of this name did with `values`, SQL literals; rolled back. With `meanwhile`
 * the plan is made by an execution before it, and kept.
 */
export const explainStatement = (
  store: Store,
  name: string,
  values: readonly string[],
  meanwhile?: () => Promise<void>,
): Promise<Plan[]> => {
  const text = listStatements().find((one) => one.name === name)?.text ?? assert.fail(name);
  const look = values.length === 0 ? 'execute looked' : `execute looked (${values.join(', ')})`;
  const explained = { plan: [] as Plan[] };
  const undo = new Error('only looked');
  const work = store.inTransaction('pinned', async (run) => {
    await run({ name: '', text: `prepare looked as ${text}` }, []);
    if (meanwhile !== undefined) {
      await run({ name: '', text: look }, []);
      await meanwhile();
    }
    const explain = `explain (analyze, buffers, format json) ${look}`;
    const [row] = await run<{ 'QUERY PLAN': [{ Plan: Plan }] }>({ name: '', text: explain }, []);
    explained.plan = nodesOf(row?.['QUERY PLAN'][0].Plan ?? assert.fail('a plan comes back'));
    throw undo;
  });
  return work.then(
    () => assert.fail('it is rolled back'),
    (error: unknown) => {
      if (error !== undo) throw error;
      return explained.plan;
    },
  );
};

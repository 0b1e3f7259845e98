import type { Answer } from '../support/call-http.ts';
import type { Cell, Checks } from '../support/checks.ts';
import { type Ids, lineOf, type Route } from './routes.ts';
import { bodyFor, type Side, seenByOwner } from './two-sides.ts';

export type IsolationContext = {
  readonly checks: Checks;
  readonly routes: readonly Route[];
  readonly mine: Side;
  readonly theirs: Side;
  /** Ids in the right form that name nothing. */
  readonly absent: Ids;
};

const NOT_FOUND = 404;

/** Everything of an answer that a client can see, apart from the time. */
const seen = ({ status, headers, text }: Answer): string => {
  const { date: _date, ...rest } = headers;
  return JSON.stringify([status, rest, text]);
};

/** Asks as mine for what is theirs and for what is not there: the answers must be the same. */
const compare = async (
  context: IsolationContext,
  route: Route,
  asked: Ids,
  instead: Ids,
): Promise<Cell> => {
  const { mine, theirs } = context;
  const [method = ''] = route.name.split(' ');
  const absentSide = { ...theirs, endpoint: context.absent.endpoint };
  const ask = (ids: Ids, side: Side): Promise<Answer> =>
    mine.call(lineOf(route, ids), {
      ...bodyFor(method, route.name, side),
      headers: { 'x-request-id': 'same' },
    });
  const theirAnswer = await ask(asked, theirs);
  const absentAnswer = await ask(instead, absentSide);
  const leaked = theirs.private.filter((text) => theirAnswer.text.includes(text));
  const isSame = seen(theirAnswer) === seen(absentAnswer);
  // Lists and the two routes that make something have no id in the path that could be absent.
  const hasPlace = route.name.includes('{');
  const isGone = !hasPlace || theirAnswer.status === NOT_FOUND;
  const faults = [
    ...(leaked.length === 0 ? [] : [`tells ${leaked.join(', ')}`]),
    ...(isSame ? [] : [`differs: ${seen(theirAnswer)} and ${seen(absentAnswer)}`]),
    ...(isGone ? [] : [`is ${theirAnswer.status}, not 404`]),
  ];
  return { name: route.name, fault: faults.length === 0 ? undefined : faults.join('; ') };
};

/** No route tells the one side anything of the other, or lets it change anything. */
export const checkIsolation = async (context: IsolationContext): Promise<void> => {
  const { checks, routes, mine, theirs, absent } = context;
  const before = await seenByOwner(theirs);
  const closed = routes.filter(({ told }) => told !== 'open');
  const endpoints: Cell[] = [];
  const jobs: Cell[] = [];
  const others: Cell[] = [];
  for (const route of closed) {
    const places = ['endpoint', 'job', 'key'].filter((one) => route.name.includes(`{${one}}`));
    if (places.includes('endpoint')) {
      for (const job of [theirs.ended, theirs.failed, theirs.running, theirs.queued]) {
        const their = { ...absent, endpoint: theirs.endpoint, job };
        endpoints.push(await compare(context, route, their, absent));
        if (!places.includes('job')) break;
        const inMine = { ...absent, endpoint: mine.endpoint };
        jobs.push(await compare(context, route, { ...inMine, job }, inMine));
      }
    } else {
      const asked = { ...absent, key: theirs.keyId };
      others.push(await compare(context, route, asked, absent));
    }
  }
  checks.table('their endpoint is answered as one that is not there', endpoints);
  checks.table('their job, asked for in my endpoint, as one that is not there', jobs);
  checks.table('lists, keys and what is made tell nothing of theirs', others);
  const cells = [...endpoints, ...jobs, ...others];
  const asked = new Set(cells.map(({ name }) => name)).size;
  checks.check(asked === closed.length, 'closed routes in these', asked, closed.length);
  const after = await seenByOwner(theirs);
  checks.check(
    after === before,
    'what the owner sees afterwards',
    after === before ? 'the same' : `${before} then ${after}`,
    'the same',
  );
};

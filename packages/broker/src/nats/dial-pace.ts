type Pace = { readonly leastMs: number; readonly jitterMs: number };

/** Makes the vendor's client dial without a look at the time of day. */
const AT_ONCE = Number.NEGATIVE_INFINITY;

/**
 * How the vendor's client is told to wait between its dials: it asks before each look at the next
 * of its servers. By itself it would reckon from the time of day at which it dialled that server
 * last, and once a clock was set back it would stay away for as long.
 */
export const makeDialPace = ({ leastMs, jitterMs }: Pace): (() => number) => {
  let dueAtMs = 0;
  return () => {
    const leftMs = dueAtMs - performance.now();
    if (leftMs > 0) return leftMs;
    // Now and then two in a row: a wait uses up the turn of a server, which must not always be the
    // same one's.
    if (Math.random() < 0.5) dueAtMs = performance.now() + leastMs + Math.random() * jitterMs;
    return AT_ONCE;
  };
};

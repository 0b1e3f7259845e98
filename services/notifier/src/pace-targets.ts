import type { Posted } from './post-webhook.ts';

/**
 * How many sends one host and port may have, so that one that is slow keeps nobody else from being
 * told: at first, and at most, which a target comes to that takes what it is sent within QUICK_MS.
 */
export const SENDS_PER_TARGET = { first: 8, most: 64 } as const;
const QUICK_MS = 1_000;
/** How many targets are remembered as quick while nothing is sent to them. */
const QUIET_MAX = 32;

/** What each target has under way, and how much it may have. */
export interface TargetRooms {
  /** A send to `target` begins. */
  enter(target: string): void;
  /** That send has ended; `posted` says how, where it is known. */
  leave(target: string, posted: Posted | undefined): void;
  /** How many more each may have; SENDS_PER_TARGET.first for one that is not named. */
  rooms(): ReadonlyMap<string, number>;
}

type Room = { sends: number; most: number };

/** No target is known. */
export const createTargetRooms = (): TargetRooms => {
  const busy = new Map<string, Room>();
  /** Those that are quick, the longest unused first. */
  const quiet = new Map<string, Room>();

  const rest = (target: string, room: Room): void => {
    busy.delete(target);
    if (room.most === SENDS_PER_TARGET.first) return;
    quiet.set(target, room);
    const [longest] = quiet.keys();
    if (quiet.size > QUIET_MAX && longest !== undefined) quiet.delete(longest);
  };

  return {
    enter: (target) => {
      const room = busy.get(target) ??
        quiet.get(target) ?? { sends: 0, most: SENDS_PER_TARGET.first };
      quiet.delete(target);
      room.sends += 1;
      busy.set(target, room);
    },
    leave: (target, posted) => {
      const room = busy.get(target);
      if (room === undefined) return;
      room.sends -= 1;
      if (posted !== undefined) room.most = mostAfter(room.most, posted);
      if (room.sends === 0) rest(target, room);
    },
    rooms: () =>
      new Map([...quiet, ...busy].map(([target, { sends, most }]) => [target, most - sends])),
  };
};

const mostAfter = (most: number, { delivered, durationMs }: Posted): number =>
  delivered && durationMs < QUICK_MS
    ? Math.min(most + 1, SENDS_PER_TARGET.most)
    : SENDS_PER_TARGET.first;

import type { Random } from '../runtime/random.ts'

/** Bounds of the pause between two attempts, in milliseconds. */
const FIRST = 500
const MOST = 30_000

/**
 * The pause before retry number `retry`, counted from 1, in milliseconds: doubling from half a second up to half a minute,
 * of which a random part of up to one half is left out, so that many nodes that lost the same peer do not come back at once.
 */
export function retryPause(retry: number, random: Random): number {
  return Math.min(MOST, FIRST * 2 ** (retry - 1)) * (1 - random.next() / 2)
}

/** What went wrong with a peer: the attempt to connect, another peer being there, or a connection that lasted or did not. */
export type Mishap = 'failed' | 'stranger' | 'lost soon' | 'lost late'

/**
 * Attempts that failed since the last connection, connections in a row that were lost soon, and attempts that still follow
 * each other quickly because there was a connection a moment ago.
 */
export interface Mishaps {
  readonly failures: number
  readonly losses: number
  readonly quick: number
}

export const NO_MISHAPS: Mishaps = { failures: 0, losses: 0, quick: 0 }

/** As many as two minutes of a cut take: a path that is there again is to be noticed at once. */
const QUICK = 60

/**
 * How long to wait after `mishap`, given those before it. The first loss of a connection is followed by an attempt at once;
 * a peer that takes us and throws us out again and again is not hammered; and someone else at the address of a peer is not
 * going to change soon.
 */
export function afterMishap(before: Mishaps, mishap: Mishap, random: Random): { mishaps: Mishaps; pause: number } {
  switch (mishap) {
    case 'failed':
    case 'stranger': {
      if (mishap === 'failed' && before.quick > 0) {
        return { mishaps: { ...before, quick: before.quick - 1 }, pause: retryPause(1, random) }
      }
      const failures = before.failures + 1
      const pause = mishap === 'stranger' ? MOST : retryPause(failures, random)
      return { mishaps: { ...before, failures }, pause }
    }
    case 'lost soon':
    case 'lost late': {
      const losses = mishap === 'lost soon' ? before.losses + 1 : 0
      return { mishaps: { failures: 0, losses, quick: QUICK }, pause: losses > 1 ? retryPause(losses - 1, random) : 0 }
    }
  }
}

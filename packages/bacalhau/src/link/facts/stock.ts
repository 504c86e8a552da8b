import type { Clock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { SignedFacts } from './signed-facts.ts'

/** The latest facts of each node. */
export interface Stock {
  get(author: string): SignedFacts | undefined
  all(): Iterable<SignedFacts>
  /** `age`: milliseconds since the author was heard. `isLast`: it takes leave with them. */
  put(facts: SignedFacts, age: number, isLast: boolean): void
  /** Those facts, with their ages. */
  withAge(authors: Iterable<string>): AgedFacts[]
}

export type AgedFacts = SignedFacts & { readonly age: number }

/** Farewells that are kept: those who come and go are no nodes any more that a directory would bound. */
const FAREWELLS = 1_024

/**
 * Facts are kept for as long as their author may be silent, also those of one that has left, so that nothing older comes back: of
 * these, the latest.
 */
export function createStock(clock: Clock): Stock {
  const kept = new Map<string, { readonly facts: SignedFacts; readonly heardAt: number }>()
  const left = new Set<string>()

  function forgetOld(): void {
    const before = clock.monotonic() - LIMITS.nodeLife
    for (const [author, { heardAt }] of kept) if (heardAt <= before) forget(author)
  }

  function forget(author: string): void {
    kept.delete(author)
    left.delete(author)
  }

  function note(author: string, isLast: boolean): void {
    left.delete(author)
    if (isLast) left.add(author)
    const [first = ''] = left
    if (left.size > FAREWELLS) forget(first)
  }

  return {
    get: (author) => kept.get(author)?.facts,
    all() {
      forgetOld()
      return Array.from(kept.values(), ({ facts }) => facts)
    },
    put(facts, age, isLast) {
      note(facts.author, isLast)
      kept.set(facts.author, { facts, heardAt: clock.monotonic() - age })
    },
    withAge(authors) {
      forgetOld()
      const now = clock.monotonic()
      return Array.from(authors).flatMap((author) => {
        const found = kept.get(author)
        return found === undefined ? [] : [{ ...found.facts, age: Math.round(now - found.heardAt) }]
      })
    },
  }
}

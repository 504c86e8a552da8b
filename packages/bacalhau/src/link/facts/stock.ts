import type { Clock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { SignedFacts } from './signed-facts.ts'

/** The latest facts of each node. */
export interface Stock {
  get(author: string): SignedFacts | undefined
  all(): Iterable<SignedFacts>
  /** `age`: milliseconds since the author was heard. */
  put(facts: SignedFacts, age: number): void
  /** Those facts, with their ages. */
  withAge(authors: Iterable<string>): AgedFacts[]
}

export type AgedFacts = SignedFacts & { readonly age: number }

/** Facts are kept for as long as their author may be silent, also those of one that has left: so that nothing older comes back. */
export function createStock(clock: Clock): Stock {
  const kept = new Map<string, { readonly facts: SignedFacts; readonly heardAt: number }>()

  function forgetOld(): void {
    const before = clock.monotonic() - LIMITS.nodeLife
    for (const [author, { heardAt }] of kept) if (heardAt <= before) kept.delete(author)
  }

  return {
    get: (author) => kept.get(author)?.facts,
    all() {
      forgetOld()
      return Array.from(kept.values(), ({ facts }) => facts)
    },
    put(facts, age) {
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

import { type Random, seededRandom } from '../../../src/runtime/random.ts'

/** Decisions from a seed, in the words of whoever decides. */
export interface Dice extends Random {
  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number
  /** True with this probability. */
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
  /** Dice of one part of a world, which roll on by themselves: what happens to other parts does not change them. */
  fork(name: string): Dice
}

export function createDice(seed: number): Dice {
  const random = seededRandom(seed)
  const int = (low: number, high: number) => low + Math.floor(random.next() * (high - low + 1))
  return {
    ...random,
    int,
    chance: (probability) => random.next() < probability,
    pick<T>(items: readonly T[]): T {
      const item = items[int(0, items.length - 1)]
      if (item === undefined) throw new Error('nothing to pick from')
      return item
    },
    fork: (name) => createDice(mix(seed, name)),
  }
}

/** Another seed, from a seed and a name (FNV-1a). */
function mix(seed: number, name: string): number {
  let hash = (seed ^ 0x811c9dc5) >>> 0
  for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0
}

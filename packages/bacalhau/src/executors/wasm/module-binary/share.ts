import type { Bounds } from './inspect.ts'

/**
 * Shares `limit` units (pages of memory, entries of tables) among several growable things: each gets its minimum, and what
 * is left is dealt out evenly, none getting more than its own maximum. The answer holds the new maximum of each, in order;
 * their sum never exceeds `limit`. `undefined` when not even the minimums fit.
 */
export function shareLimit(requests: readonly Bounds[], limit: number): number[] | undefined {
  let left = limit - requests.reduce((sum, { min }) => sum + min, 0)
  if (left < 0) return undefined
  const wants = requests.map(({ min, max }, index) => ({ index, min, want: (max ?? Infinity) - min }))
  const maxima = requests.map(() => 0)
  // Modest wishes first: what they leave over is shared by the greedy ones.
  for (const [position, { index, min, want }] of wants.sort((a, b) => a.want - b.want).entries()) {
    const share = Math.min(Math.max(want, 0), Math.floor(left / (wants.length - position)))
    maxima[index] = min + share
    left -= share
  }
  return maxima
}

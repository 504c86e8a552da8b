/** Words longer than this are no typing slip; comparing them would only cost time. */
const MAX_LENGTH = 64

/** Edits (insert, delete, replace, swap of neighbours) that lead from `a` to `b`. Takes time and space of their product. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 0; i < a.length; i++) {
    const current = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replace = (previous[j] ?? 0) + (a[i] === b[j] ? 0 : 1)
      const swapped = i > 0 && j > 0 && a[i] === b[j - 1] && a[i - 1] === b[j]
      const swap = swapped ? (before[j - 1] ?? 0) + 1 : Infinity
      current.push(Math.min(replace, swap, (previous[j + 1] ?? 0) + 1, (current[j] ?? 0) + 1))
    }
    before = previous
    previous = current
  }
  return previous[b.length] ?? 0
}

/** The one of `candidates` that `word` was probably meant to be, ignoring case; undefined when none is close. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word === '' || word.length > MAX_LENGTH) return undefined
  const wanted = word.toLowerCase()
  let best: string | undefined
  let limit = Math.floor((word.length + 1) / 3)
  for (const candidate of candidates) {
    const found = distance(wanted, candidate.toLowerCase())
    if (found <= limit) [best, limit] = [candidate, found - 1]
  }
  return best
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const

/** A time span for people, in its two largest units: `350ms`, `4.2s`, `3m 20s`, `2d 4h`. */
export function formatSpan(milliseconds: number): string {
  const span = Math.max(0, milliseconds)
  if (span < 1_000) return `${Math.round(span)}ms`
  if (span < 10_000) return `${Math.floor(span / 100) / 10}s`
  const seconds = Math.floor(span / 1_000)
  const first = UNITS.findIndex(([, size]) => seconds >= size)
  const parts: string[] = []
  let rest = seconds
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / size)
    if (count > 0) parts.push(`${count}${unit}`)
    rest -= count * size
  }
  return parts.join(' ')
}

/** How long ago a moment was, for people. The clocks of two machines differ, so the near future counts as now. */
export function formatAgo(moment: number, now: number): string {
  const span = now - moment
  return span < 1_000 ? 'just now' : `${formatSpan(Math.floor(span / 1_000) * 1_000)} ago`
}

/** Milliseconds since the epoch of a record's time, which is in nanoseconds. */
export const fromNanoseconds = (time: number): number => Math.floor(time / 1e6)

/** A moment to the second, in UTC: `2026-11-23 06:56:04`. */
export function formatMoment(moment: number): string {
  return new Date(moment).toISOString().slice(0, 19).replace('T', ' ')
}

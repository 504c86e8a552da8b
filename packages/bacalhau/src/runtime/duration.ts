/** Milliseconds of each unit that a time span is written in. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Milliseconds of a span such as `30s`, `1m30s` or `2h`; a bare number counts seconds. Undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000
  if (!/^(?:\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h))+$/.test(text)) return undefined
  let total = 0
  for (const [, count, unit = ''] of text.matchAll(/([\d.]+)(ms|s|m|h)/g)) total += Number(count) * (UNITS[unit] ?? 0)
  return Math.round(total)
}

/** The span, written so that `parseDuration` reads it. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds % 1_000 !== 0 || milliseconds === 0) return `${milliseconds}ms`
  let rest = milliseconds
  let written = ''
  for (const unit of ['h', 'm', 's'] as const) {
    const size = UNITS[unit] ?? 1
    const count = Math.floor(rest / size)
    if (count > 0) written += `${count}${unit}`
    rest -= count * size
  }
  return written
}

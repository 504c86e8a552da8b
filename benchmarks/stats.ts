/** Figures of several measurements, by nearest rank. */
export interface Summary {
  readonly median: number
  readonly p99: number
  readonly least: number
  readonly most: number
}

export function summarise(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
  return { median: at(0.5), p99: at(0.99), least: sorted[0] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN }
}

/** A figure with as many digits as it deserves. */
export const show = (value: number, unit: string): string =>
  `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${unit}`

/** One line: what was measured, the figure, what is aimed at, and how the runs spread. */
export function report(what: string, summary: Summary, unit: string, goal: string): void {
  const { median, p99, least, most } = summary
  const spread = `${show(least, unit)} to ${show(most, unit)}, p99 ${show(p99, unit)}`
  fact(what, show(median, unit), goal, `(${spread})`)
}

/** One line: what was measured, the figure in words, what is aimed at, and what else there is to say. */
export function fact(what: string, figure: string, goal = '-', remark = ''): void {
  console.log(`${what.padEnd(52)} ${figure.padStart(10)}   goal ${goal.padEnd(24)} ${remark}`.trimEnd())
}

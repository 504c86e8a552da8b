/** What a series of measurements comes to, in milliseconds. */
export interface Statistics {
  readonly Sent: number
  readonly Received: number
  readonly LossPercent: number
  readonly MinMs?: number
  readonly MedianMs?: number
  readonly MaxMs?: number
}

/** `undefined` stands for a measurement that failed. */
export function statisticsOf(times: readonly (number | undefined)[]): Statistics {
  const came = times.filter((time) => time !== undefined).toSorted((a, b) => a - b)
  const [least, most] = [came[0], came.at(-1)]
  const median = came[Math.floor(came.length / 2)]
  return {
    Sent: times.length,
    Received: came.length,
    LossPercent: times.length === 0 ? 0 : Math.round((100 * (times.length - came.length)) / times.length),
    ...(least === undefined || most === undefined || median === undefined
      ? {}
      : { MinMs: least, MedianMs: median, MaxMs: most }),
  }
}

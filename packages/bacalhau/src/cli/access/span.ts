import { invalidFlag } from '../flag.ts'

const UNITS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
}

/** Milliseconds of a span of a person's life: `90m`, `12h`, `30d`, `2w`, `1y`. */
export function readSpan(text: string, flag: string): number {
  const [, count, unit = ''] = /^(\d{1,5})([mhdwy])$/.exec(text.trim()) ?? []
  const span = Number(count) * (UNITS[unit] ?? Number.NaN)
  if (span > 0) return span
  throw invalidFlag(flag, `'${text}' is no span of time`, 'Write 90m, 12h, 30d, 2w or 1y.')
}

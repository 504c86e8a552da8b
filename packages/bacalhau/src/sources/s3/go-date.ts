import { BacalhauError } from '../../runtime/error.ts'

/** Parts of a layout as Go writes it: those of fixed length, which are what keys are named with. */
const PARTS: readonly (readonly [part: string, pattern: string])[] = [
  ['2006', String.raw`(?<year>\d{4})`],
  ['January', '(?:January|February|March|April|May|June|July|August|September|October|November|December)'],
  ['Jan', '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)'],
  ['01', '(?<month>0[1-9]|1[0-2])'],
  ['02', String.raw`(?<day>0[1-9]|[12]\d|3[01])`],
  ['15', String.raw`(?:[01]\d|2[0-3])`],
  ['04', String.raw`[0-5]\d`],
  ['05', String.raw`[0-5]\d`],
  ['06', String.raw`\d{2}`],
]

/** Tells whether a text is a date of this layout, such as `2006-01-02`. Throws `ValidationError` for a layout without any part. */
export function datePattern(layout: string): (text: string) => boolean {
  let [source, rest, parts] = ['', layout, 0]
  const used = new Set<string>()
  while (rest !== '') {
    const found = PARTS.find(([part]) => rest.startsWith(part))
    if (found !== undefined && used.has(found[0])) throw invalid(layout)
    source += found === undefined ? literal(rest.slice(0, 1)) : found[1]
    rest = rest.slice(found === undefined ? 1 : found[0].length)
    if (found === undefined) continue
    used.add(found[0])
    parts += 1
  }
  if (parts === 0) throw invalid(layout)
  const pattern = new RegExp(`^${source}$`)
  return (text) => {
    const match = pattern.exec(text)
    return match !== null && isDay(match.groups ?? {})
  }
}

const literal = (character: string): string => character.replace(/[\\^$.*+?()[\]{}|/-]/, String.raw`\$&`)

/** There is no 31st of June. */
function isDay({ year = '2000', month, day }: { [name: string]: string | undefined }): boolean {
  if (month === undefined || day === undefined) return true
  return new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCMonth() === Number(month) - 1
}

const invalid = (layout: string): BacalhauError =>
  new BacalhauError('ValidationError', `invalid date format: ${layout}`, { hint: 'A format looks like 2006-01-02.' })

/** What a terminal draws two columns wide: East Asian wide and full-width forms, and emoji. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}])/u
const INVISIBLE = /^[\p{M}\p{Cf}]+$/u
// eslint-disable-next-line no-control-regex -- colour codes begin with a control character
const COLOURS = /\u001b\[[\d;]*m/g

const widthOf = (segment: string) => (INVISIBLE.test(segment) ? 0 : WIDE.test(segment) ? 2 : 1)

/** Loading the tables of Unicode takes longer than a short command otherwise needs, and few lines want them. */
const SIMPLE = /^[\u0020-\u007e\u00a1-\u00ac\u00ae-\u024f\u2013-\u2026]*$/

/** What a reader takes for one letter, with the columns that it takes. */
function* letters(text: string): Generator<{ letter: string; width: number }> {
  for (const { segment } of new Intl.Segmenter().segment(text)) yield { letter: segment, width: widthOf(segment) }
}

/** Columns that a line takes on a terminal; colour codes take none. */
export function displayWidth(line: string): number {
  const text = line.replaceAll(COLOURS, '')
  if (SIMPLE.test(text)) return text.length
  let total = 0
  for (const { width } of letters(text)) total += width
  return total
}

/** The beginning of a line (without colour codes) that fits into `columns`, ending in `…` where something was cut off. */
export function fitWidth(line: string, columns: number): string {
  if (displayWidth(line) <= columns) return line
  let [result, total] = ['', 0]
  for (const { letter, width } of letters(line)) {
    total += width
    if (total > columns - 1) break
    result += letter
  }
  return columns < 1 ? '' : `${result}…`
}

/**
 * A line (without colour codes) broken between words into lines of at most `columns`, of which there are no more than `most`: the
 * last one ends in `…` where something was left out. A word that is longer than a line is cut.
 */
export function wrapWidth(line: string, columns: number, most: number): string[] {
  const lines: string[] = []
  let rest = line.trim()
  while (rest !== '' && lines.length < most - 1 && displayWidth(rest) > columns) {
    const head = fitWidth(rest, columns + 1).slice(0, -1)
    const blank = head.lastIndexOf(' ')
    const end = blank > 0 ? blank : fitWidth(rest, columns).length - 1
    if (end < 1) break
    lines.push(rest.slice(0, end).trimEnd())
    rest = rest.slice(end).trimStart()
  }
  return rest === '' ? lines : [...lines, fitWidth(rest, columns)]
}

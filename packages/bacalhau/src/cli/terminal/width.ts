const segmenter = new Intl.Segmenter()
/** What a terminal draws two columns wide: East Asian wide and full-width forms, and emoji. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}])/u
const INVISIBLE = /^[\p{M}\p{Cf}]+$/u
// eslint-disable-next-line no-control-regex -- colour codes begin with a control character
const COLOURS = /\u001b\[[\d;]*m/g

const widthOf = (segment: string) => (INVISIBLE.test(segment) ? 0 : WIDE.test(segment) ? 2 : 1)

/** Columns that a line takes on a terminal; colour codes take none. */
export function displayWidth(line: string): number {
  const text = line.replaceAll(COLOURS, '')
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += widthOf(segment)
  return width
}

/** The beginning of a line (without colour codes) that fits into `columns`, ending in `…` where something was cut off. */
export function fitWidth(line: string, columns: number): string {
  if (displayWidth(line) <= columns) return line
  let [result, width] = ['', 0]
  for (const { segment } of segmenter.segment(line)) {
    width += widthOf(segment)
    if (width > columns - 1) break
    result += segment
  }
  return columns < 1 ? '' : `${result}…`
}

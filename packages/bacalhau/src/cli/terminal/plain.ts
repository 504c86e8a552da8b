/**
 * Characters that move the cursor, change colours or reorder text on a terminal: control characters (C0, DEL, C1) and the
 * invisible marks of bidirectional text. Names and messages come from strangers, so none of these reaches a terminal.
 */
// eslint-disable-next-line no-control-regex -- finding control characters is the purpose
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** One line of text that is safe on a terminal: blanks for line ends and tabs, nothing for what is unsafe. */
export function plainLine(text: string): string {
  return text.replaceAll(/[\t\r\n]+/g, ' ').replaceAll(UNSAFE, '')
}

/** Text of several lines, safe on a terminal. */
export function plainText(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.replaceAll('\t', '    ').replaceAll(UNSAFE, ''))
    .join('\n')
}

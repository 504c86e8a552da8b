/** Text that is shown letter by letter. */
export const code = (text: string): string => `\`${text}\``

/**
 * Text of a help screen as Markdown: indented lines become a block of code, and what Markdown would read as a tag outside of
 * code is escaped.
 */
export function prose(text: string): string {
  return text
    .replaceAll(
      /(?:^ {2}.*(?:\n|$))+/gm,
      (block) => `\n\`\`\`text\n${block.replaceAll(/^ {2}/gm, '').trimEnd()}\n\`\`\`\n\n`,
    )
    .split(/(```.*?```|`[^`]*`)/s)
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll('<', '\\<')))
    .join('')
}

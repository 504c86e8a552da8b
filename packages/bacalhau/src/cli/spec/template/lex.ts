import { TemplateError, type Value } from './syntax.ts'

/** Text as it is, or what stands between `{{` and `}}`. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly source: string; readonly line: number }

export type Token =
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'field'; readonly text: string }
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'mark'; readonly text: '(' | ')' | '|' }

/** Takes a template apart. `{{- ` and ` -}}` take the white space before and after them away. */
export function piecesOf(source: string): Piece[] {
  const pieces: Piece[] = []
  let [line, trimming] = [1, false]
  for (let at = 0; at < source.length;) {
    const start = source.indexOf('{{', at)
    const text = source.slice(at, start === -1 ? undefined : start)
    const opened = start !== -1 && /^\{\{-\s/.test(source.slice(start, start + 4))
    const shown = trimming ? text.trimStart() : text
    const rest = opened ? shown.trimEnd() : shown
    if (rest !== '') pieces.push({ kind: 'text', text: rest })
    if (start === -1) break
    line += linesIn(text)
    const end = endOf(source, start + 2, line)
    const inner = source.slice(start + 2 + (opened ? 1 : 0), end)
    trimming = /\s-$/.test(inner)
    const action = (trimming ? inner.slice(0, -1) : inner).trim()
    if (!/^\/\*[^]*\*\/$/.test(action)) pieces.push({ kind: 'action', source: action, line })
    line += linesIn(inner)
    at = end + 2
  }
  return pieces
}

const linesIn = (text: string) => text.split('\n').length - 1

/** Where the `}}` of an action is: one within quotes or a comment does not count. */
function endOf(source: string, from: number, line: number): number {
  const within = /"(?:[^"\\\n]|\\.)*"|`[^`]*`|\/\*[^]*?\*\/|\}\}/g
  within.lastIndex = from
  for (let match = within.exec(source); match !== null; match = within.exec(source)) {
    if (match[0] === '}}') return match.index
  }
  throw new TemplateError(line, '{{ is not closed', 'Write }} where it ends, or run with --no-template.')
}

const TOKEN = /\s+|("(?:[^"\\\n]|\\.)*")|`([^`]*)`|(-?\d+(?:\.\d+)?)\b|\.(\w*(?:\.\w+)*)|([A-Za-z_]\w*)|([()|])/gy

/** The tokens of one action. */
export function tokensOf(source: string, line: number): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < source.length) {
    const from = TOKEN.lastIndex
    const match = TOKEN.exec(source)
    if (match === null) {
      const unknown = source.slice(from, from + 10)
      const hint = unknown.startsWith('$') || unknown.startsWith(':=') ? 'Variables are not supported.' : undefined
      throw new TemplateError(line, `unexpected '${unknown}' in {{${source}}}`, hint)
    }
    const token = toToken(match, line)
    if (token !== undefined) tokens.push(token)
  }
  return tokens
}

function toToken([, quoted, raw, number, field, word, mark]: RegExpExecArray, line: number): Token | undefined {
  if (quoted !== undefined) return { kind: 'value', value: unquote(quoted, line) }
  if (raw !== undefined) return { kind: 'value', value: raw }
  if (number !== undefined) return { kind: 'value', value: Number(number) }
  if (field !== undefined) return { kind: 'field', text: field }
  if (word === 'true' || word === 'false') return { kind: 'value', value: word === 'true' }
  if (word !== undefined) return { kind: 'word', text: word }
  return mark === undefined ? undefined : { kind: 'mark', text: mark as '(' | ')' | '|' }
}

/** A text in double quotes: Go's escapes that JSON has as well. */
function unquote(quoted: string, line: number): string {
  try {
    return JSON.parse(quoted.replaceAll('\t', '\\t')) as string
  } catch {
    throw new TemplateError(line, `${quoted} has an escape that is not known`, 'Backquotes take text as it is.')
  }
}

/** A string, a bracket, a comma, a colon, or anything else that is no blank. */
const PIECE = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gy
const BLANKS = /\s*/gy

/**
 * The text of the first member of a JSON object that bears one of `names`, exactly as it stands there: what was signed is this
 * text and not what it means. `json` must be valid. Undefined when there is no such member.
 */
export function memberText(json: string, names: readonly string[]): string | undefined {
  let depth = 0
  let key: string | undefined
  let start: number | undefined
  for (const { text, from } of piecesOf(json)) {
    const closes = text === '}' || text === ']'
    if (start !== undefined && depth === 1 && (text === ',' || text === '}')) return json.slice(start, from).trim()
    if (text === '{' || text === '[') depth += 1
    else if (closes) depth -= 1
    else if (depth === 1 && start === undefined) {
      if (text === ':' && names.includes(key ?? '')) start = from + 1
      key = text.startsWith('"') ? (JSON.parse(text) as string) : undefined
    }
  }
  return undefined
}

function* piecesOf(json: string): Generator<{ readonly text: string; readonly from: number }> {
  for (let at = 0; at < json.length;) {
    BLANKS.lastIndex = at
    at += BLANKS.exec(json)?.[0].length ?? 0
    PIECE.lastIndex = at
    const text = PIECE.exec(json)?.[0]
    if (text === undefined) return
    yield { text, from: at }
    at += text.length
  }
}

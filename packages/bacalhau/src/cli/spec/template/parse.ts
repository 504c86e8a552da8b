import { piecesOf, type Piece, type Token, tokensOf } from './lex.ts'
import { type Call, type Operand, type Part, type Pipeline, TemplateError } from './syntax.ts'

/** Depth of nested blocks or parentheses: nobody writes more, and each costs stack. */
const MAX_DEPTH = 50

const KEYWORDS = ['range', 'define', 'template', 'block', 'break', 'continue']

/** The parts of a template. Throws `TemplateError`. */
export function parseTemplate(source: string): readonly Part[] {
  const reader = { pieces: piecesOf(source), at: 0 }
  const { parts, end } = readBlock(reader, 0)
  if (end !== undefined) throw new TemplateError(end.line, `{{${end.word}}} without an {{if}} or {{with}} before it`)
  return parts
}

interface Reader {
  readonly pieces: readonly Piece[]
  at: number
}

interface Block {
  readonly parts: readonly Part[]
  /** The action that ended it, if it was not the end of the text; `tokens` are those after its word. */
  readonly end?: { readonly word: 'end' | 'else'; readonly tokens: readonly Token[]; readonly line: number }
}

function readBlock(reader: Reader, depth: number): Block {
  const parts: Part[] = []
  for (let piece = reader.pieces[reader.at]; piece !== undefined; piece = reader.pieces[reader.at]) {
    reader.at++
    if (piece.kind === 'text') {
      parts.push(piece)
      continue
    }
    const { line } = piece
    if (depth > MAX_DEPTH) throw new TemplateError(line, 'blocks are nested too deeply')
    const tokens = tokensOf(piece.source, line)
    const [first, ...rest] = tokens
    const word = first?.kind === 'word' ? first.text : undefined
    if (word === 'end' || word === 'else') return { parts, end: { word, tokens: rest, line } }
    if (word === 'if' || word === 'with') parts.push(readBranch(reader, word, rest, line, depth + 1))
    else if (word !== undefined && KEYWORDS.includes(word)) {
      throw new TemplateError(line, `{{${word}}} is not supported`, 'There are if, else, with and end.')
    } else parts.push({ kind: 'print', pipeline: pipelineOf(tokens, line) })
  }
  return { parts }
}

function readBranch(reader: Reader, kind: 'if' | 'with', tokens: readonly Token[], line: number, depth: number): Part {
  const pipeline = pipelineOf(tokens, line)
  const { parts: body, end } = readBlock(reader, depth)
  if (end === undefined) throw new TemplateError(line, `{{${kind}}} without an {{end}}`)
  if (end.word === 'end') return { kind, pipeline, body, otherwise: [] }
  const [next, ...rest] = end.tokens
  if (next?.kind === 'word' && (next.text === 'if' || next.text === 'with')) {
    return { kind, pipeline, body, otherwise: [readBranch(reader, next.text, rest, end.line, depth + 1)] }
  }
  if (next !== undefined) throw new TemplateError(end.line, '{{else}} takes nothing but if or with')
  const other = readBlock(reader, depth)
  if (other.end?.word !== 'end') throw new TemplateError(end.line, '{{else}} without an {{end}}')
  return { kind, pipeline, body, otherwise: other.parts }
}

function pipelineOf(tokens: readonly Token[], line: number): Pipeline {
  const cursor = { tokens, at: 0 }
  const pipeline = readPipeline(cursor, line, 0)
  if (cursor.at < tokens.length) throw new TemplateError(line, "')' without '(' before it")
  return pipeline
}

interface Cursor {
  readonly tokens: readonly Token[]
  at: number
}

const isMark = (token: Token | undefined, text: string) => token?.kind === 'mark' && token.text === text

function readPipeline(cursor: Cursor, line: number, depth: number): Pipeline {
  if (depth > MAX_DEPTH) throw new TemplateError(line, 'parentheses are nested too deeply')
  const calls: Call[] = [readCall(cursor, line, depth)]
  while (isMark(cursor.tokens[cursor.at], '|')) {
    cursor.at++
    calls.push(readCall(cursor, line, depth))
  }
  const bare = calls.slice(1).find(({ name }) => name === undefined)
  if (bare !== undefined) throw new TemplateError(line, "'|' must be followed by a function")
  return { calls, line }
}

function readCall(cursor: Cursor, line: number, depth: number): Call {
  const first = cursor.tokens[cursor.at]
  const name = first?.kind === 'word' ? first.text : undefined
  if (name !== undefined) cursor.at++
  const operands: Operand[] = []
  for (let token = cursor.tokens[cursor.at]; token !== undefined; token = cursor.tokens[cursor.at]) {
    if (isMark(token, ')') || isMark(token, '|')) break
    operands.push(readOperand(cursor, token, line, depth))
  }
  if (name === undefined && operands.length === 0) throw new TemplateError(line, 'a value is missing in {{ }}')
  if (name === undefined && operands.length > 1) throw new TemplateError(line, 'two values follow each other in {{ }}')
  return { name, operands }
}

function readOperand(cursor: Cursor, token: Token, line: number, depth: number): Operand {
  cursor.at++
  if (token.kind === 'value') return token
  if (token.kind === 'field') return { kind: 'field', name: token.text }
  if (token.kind === 'word') return { kind: 'group', pipeline: { calls: [{ name: token.text, operands: [] }], line } }
  const pipeline = readPipeline(cursor, line, depth + 1)
  if (!isMark(cursor.tokens[cursor.at], ')')) throw new TemplateError(line, "'(' is not closed")
  cursor.at++
  return { kind: 'group', pipeline }
}

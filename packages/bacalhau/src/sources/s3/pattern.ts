import { createContext, Script } from 'node:vm'
import { BacalhauError } from '../../runtime/error.ts'

/** A regular expression of a stranger. */
export interface Pattern {
  /** For each text, the whole match and the groups; null where it does not match. Throws `InputFailed` when that takes too long. */
  match(texts: readonly string[]): readonly (readonly (string | null)[] | null)[]
}

/** Milliseconds that one pattern may take for all keys. Nothing else runs meanwhile. */
const PATIENCE = 250

/** Expressions are written for Go: flags stand at the front, and groups are named with a P. Throws `ValidationError`. */
export function parsePattern(text: string): Pattern {
  const [, flags = '', rest = ''] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(text) ?? []
  const source = rest.replaceAll('(?P<', '(?<')
  // Without `u` more is allowed that means the same in Go, such as `\-`.
  const all = ['u', ''].map((mode) => mode + flags).find((candidate) => isValid(source, candidate))
  if (all === undefined) throw new BacalhauError('ValidationError', `invalid regex pattern: ${text.slice(0, 300)}`)
  return { match: (texts) => run(source, all, texts) }
}

function isValid(source: string, flags: string): boolean {
  try {
    return new RegExp(source, flags) instanceof RegExp
  } catch {
    return false
  }
}

const SCRIPT = `{
  const pattern = new RegExp(source, flags)
  JSON.stringify(JSON.parse(texts).map((text) => {
    const match = pattern.exec(text)
    return match === null ? null : Array.from(match, (group) => group ?? null)
  }))
}`

/** In a context of its own, since only there can an expression that backtracks for ever be stopped. */
function run(source: string, flags: string, texts: readonly string[]): readonly (readonly (string | null)[] | null)[] {
  try {
    const context = createContext({ source, flags, texts: JSON.stringify(texts) })
    const found: unknown = new Script(SCRIPT).runInContext(context, { timeout: PATIENCE })
    return JSON.parse(String(found)) as (string | null)[][]
  } catch (cause) {
    throw new BacalhauError('InputFailed', `the pattern ${source.slice(0, 100)} takes too long`, { cause })
  }
}

import type { Constraint } from './job-spec.ts'
import { MAX_ITEMS } from './spec-fields.ts'
import { excerpt, type Parsed } from './problem.ts'

/**
 * Label selectors as Kubernetes writes them: requirements joined by commas, each of the form `key`, `!key`, `key=value`,
 * `key==value`, `key!=value`, `key in (a, b)`, `key notin (a, b)`, `key>1` or `key<1`. Blanks around them do not count.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
export function parseLabelSelector(selector: string): Parsed<readonly Constraint[]> {
  const reader = new Reader(selector)
  try {
    return { ok: true, value: reader.requirements() }
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error
    return { ok: false, problems: [{ path: '', message: error.message }] }
  }
}

class SelectorError extends Error {}

type Symbol = ',' | '!' | '=' | '==' | '!=' | '(' | ')' | '<' | '>'
type Token = { readonly symbol: Symbol | 'end' } | { readonly word: string }

/** A word is anything that is neither blank nor a sign of the grammar. */
const TOKEN = /\s*(?:(==|!=|[,!=()<>])|([^\s,!=()<>]+))/y
/** A prefix that is a DNS name, where there is one, and a name. */
const KEY =
  /^(?:(?=.{1,253}\/)[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)*\/)?(?=[^/]{1,63}$)[A-Za-z\d](?:[\w.-]*[A-Za-z\d])?$/
const VALUE = /^(?:(?=.{1,63}$)[A-Za-z\d](?:[\w.-]*[A-Za-z\d])?)?$/
const WHOLE = /^[+-]?\d{1,18}$/

class Reader {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(selector: string) {
    this.#tokens = [...tokensOf(selector)]
  }

  requirements(): Constraint[] {
    const found: Constraint[] = []
    if (this.#is('end')) return found
    do {
      found.push(this.#requirement())
      if (found.length > MAX_ITEMS) throw new SelectorError(`more than ${MAX_ITEMS} requirements`)
    } while (this.#take(','))
    if (!this.#is('end')) throw this.#unexpected("',' or the end")
    return found
  }

  #requirement(): Constraint {
    if (this.#take('!')) return { Key: this.#key(), Operator: '!' }
    const Key = this.#key()
    if (this.#is(',') || this.#is('end')) return { Key, Operator: 'exists' }
    for (const Operator of ['=', '==', '!='] as const) {
      if (this.#take(Operator)) return { Key, Operator, Values: [this.#value()] }
    }
    if (this.#take('>')) return { Key, Operator: 'gt', Values: [this.#whole()] }
    if (this.#take('<')) return { Key, Operator: 'lt', Values: [this.#whole()] }
    const word = this.#word()
    if (word === 'in' || word === 'notin') return { Key, Operator: word, Values: this.#values() }
    this.#at -= word === undefined ? 0 : 1
    throw this.#unexpected("one of 'in', 'notin', '=', '==', '!=', '>', '<'")
  }

  #key(): string {
    const word = this.#word()
    if (word === undefined) throw this.#unexpected('a key')
    if (KEY.test(word)) return word
    throw new SelectorError(`'${excerpt(word)}' is not a valid label key`)
  }

  /** A value may be empty. */
  #value(): string {
    const word = this.#word() ?? ''
    if (VALUE.test(word)) return word
    throw new SelectorError(`'${excerpt(word)}' is not a valid label value`)
  }

  #whole(): string {
    const word = this.#word() ?? ''
    if (WHOLE.test(word)) return word
    throw new SelectorError(`'>' and '<' compare with a whole number, not with '${excerpt(word)}'`)
  }

  #values(): string[] {
    if (!this.#take('(')) throw this.#unexpected("'('")
    if (this.#is(')')) throw new SelectorError("'in' and 'notin' need at least one value")
    const values = new Set<string>()
    do values.add(this.#value())
    while (this.#take(','))
    if (!this.#take(')')) throw this.#unexpected("',' or ')'")
    return [...values]
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { symbol: 'end' }
  }

  #is(symbol: Symbol | 'end'): boolean {
    const token = this.#peek()
    return 'symbol' in token && token.symbol === symbol
  }

  #take(symbol: Symbol): boolean {
    if (!this.#is(symbol)) return false
    this.#at += 1
    return true
  }

  #word(): string | undefined {
    const token = this.#peek()
    if (!('word' in token)) return undefined
    this.#at += 1
    return token.word
  }

  #unexpected(wanted: string): SelectorError {
    const token = this.#peek()
    const found =
      'word' in token ? `'${excerpt(token.word)}'` : token.symbol === 'end' ? 'the end' : `'${token.symbol}'`
    return new SelectorError(`found ${found}, expected ${wanted}`)
  }
}

function* tokensOf(selector: string): Generator<Token> {
  const pattern = new RegExp(TOKEN)
  for (let match = pattern.exec(selector); match !== null; match = pattern.exec(selector)) {
    const [, symbol, word = ''] = match
    yield symbol === undefined ? { word } : { symbol: symbol as Symbol }
  }
}

import type { Value } from './syntax.ts'

/** Why a function cannot do what it was asked. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError'
}

export const isTrue = (value: Value): boolean => value !== '' && value !== 0 && value !== false

type Compare = (a: Value, b: Value) => boolean

function twoAlike(name: string, compare: Compare): (...values: readonly Value[]) => boolean {
  return (...[a, b, ...rest]) => {
    if (a === undefined || b === undefined || rest.length > 0) throw new FunctionError(`${name} compares two values`)
    if (typeof a !== typeof b) throw new FunctionError(`${name} cannot compare ${typeof a} and ${typeof b}`)
    return compare(a, b)
  }
}

/** `eq` takes several values, one of which the first has to be. */
function equalsAny(...[first, ...others]: readonly Value[]): boolean {
  if (first === undefined || others.length === 0) throw new FunctionError('eq compares two values')
  return others.some((other) => twoAlike('eq', (a, b) => a === b)(first, other))
}

const VERB = /%(-?)(0?)(\d{0,3})([svdqt%])/g

/** The verbs `%s %v %d %q %t %%`, with a width. */
function printf(...[format, ...values]: readonly Value[]): string {
  if (typeof format !== 'string') throw new FunctionError('printf needs a format')
  let next = 0
  const text = format.replaceAll(VERB, (_, left: string, zero: string, width: string, verb: string) => {
    if (verb === '%') return '%'
    const value = values[next++]
    if (value === undefined) throw new FunctionError(`printf has no value for %${verb}`)
    const shown = verb === 'q' ? JSON.stringify(String(value)) : String(value)
    if (left !== '') return shown.padEnd(Number(width))
    return shown.padStart(Number(width), zero === '' ? ' ' : '0')
  })
  if (next < values.length) throw new FunctionError('printf has more values than verbs')
  return text
}

function one(name: string, values: readonly Value[]): Value {
  const [value, ...rest] = values
  if (value === undefined || rest.length > 0) throw new FunctionError(`${name} takes one value`)
  return value
}

/** What a template may call. `and` and `or` are not here: they look at no more of their arguments than they need. */
export const FUNCTIONS: Readonly<Record<string, (...values: readonly Value[]) => Value>> = {
  not: (...values) => !isTrue(one('not', values)),
  eq: equalsAny,
  ne: twoAlike('ne', (a, b) => a !== b),
  lt: twoAlike('lt', (a, b) => a < b),
  le: twoAlike('le', (a, b) => a <= b),
  gt: twoAlike('gt', (a, b) => a > b),
  ge: twoAlike('ge', (a, b) => a >= b),
  len: (...values) => Buffer.byteLength(String(one('len', values))),
  print: (...values) => values.join(''),
  println: (...values) => `${values.join(' ')}\n`,
  printf,
  urlquery: (...values) => encodeURIComponent(values.join('')).replaceAll('%20', '+'),
}

import { BacalhauError } from '../../../runtime/error.ts'
import { FunctionError, FUNCTIONS, isTrue } from './functions.ts'
import { parseTemplate } from './parse.ts'
import { type Call, type Operand, type Part, type Pipeline, TemplateError, type Value } from './syntax.ts'

/** Values by name. */
export type TemplateValues = ReadonlyMap<string, string>

/**
 * The text that a template makes of some values. It is the part of Go's text/template (https://pkg.go.dev/text/template) that
 * has a use where all values are texts. A name without a value is an error. Throws `ValidationError` with the line.
 */
export function renderTemplate(source: string, where: string, values: TemplateValues): string {
  if (!source.includes('{{')) return source
  try {
    return render(parseTemplate(source), { values, dot: undefined })
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    throw new BacalhauError('ValidationError', `${where} line ${error.line}: ${error.message}`, {
      hint: error.hint ?? 'Run with --no-template to take the text as it is.',
    })
  }
}

interface Scope {
  readonly values: TemplateValues
  /** What `with` is about. */
  readonly dot: Value | undefined
}

function render(parts: readonly Part[], scope: Scope): string {
  let text = ''
  for (const part of parts) {
    if (part.kind === 'text') text += part.text
    else if (part.kind === 'print') text += String(evaluate(part.pipeline, scope))
    else {
      const value = evaluate(part.pipeline, scope)
      const inner = part.kind === 'with' && isTrue(value) ? { ...scope, dot: value } : scope
      text += render(isTrue(value) ? part.body : part.otherwise, inner)
    }
  }
  return text
}

function evaluate({ calls, line }: Pipeline, scope: Scope): Value {
  let piped: Value | undefined
  for (const call of calls) piped = apply(call, piped, line, scope)
  // A pipeline has at least one call.
  return piped ?? ''
}

function apply({ name, operands }: Call, piped: Value | undefined, line: number, scope: Scope): Value {
  const values = operands.map((operand) => () => valueOf(operand, line, scope))
  if (piped !== undefined) values.push(() => piped)
  const [first] = values
  if (name === undefined) return first?.() ?? ''
  if (name === 'and' || name === 'or') return decide(name, values, line)
  const call = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined
  if (call === undefined) {
    const known = ['and', 'or', ...Object.keys(FUNCTIONS)].join(', ')
    throw new TemplateError(line, `there is no function '${name}'`, `There are ${known}.`)
  }
  try {
    return call(...values.map((value) => value()))
  } catch (error) {
    throw error instanceof FunctionError ? new TemplateError(line, error.message) : error
  }
}

/** The first value that decides, else the last one. */
function decide(name: 'and' | 'or', values: readonly (() => Value)[], line: number): Value {
  let last: Value | undefined
  for (const value of values) {
    last = value()
    if (isTrue(last) === (name === 'or')) return last
  }
  if (last === undefined) throw new TemplateError(line, `${name} needs a value`)
  return last
}

function valueOf(operand: Operand, line: number, scope: Scope): Value {
  if (operand.kind === 'value') return operand.value
  if (operand.kind === 'group') return evaluate(operand.pipeline, scope)
  const { name } = operand
  if (name === '') {
    if (scope.dot !== undefined) return scope.dot
    throw new TemplateError(line, '{{.}} has no value here', 'Write {{.name}}.')
  }
  const value = scope.dot === undefined ? scope.values.get(name) : undefined
  if (value !== undefined) return value
  if (scope.dot !== undefined) throw new TemplateError(line, `{{.${name}}} has no value within {{with}}`)
  throw new TemplateError(line, `no value for {{.${name}}}`, `Give it one: --template-vars ${name}=VALUE.`)
}

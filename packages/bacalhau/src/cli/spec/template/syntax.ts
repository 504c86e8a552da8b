/** What a template consists of. `line` counts from 1. */

export type Value = string | number | boolean

export type Operand =
  | { readonly kind: 'value'; readonly value: Value }
  /** `.name`; no name is `.`, the value that `with` is about. */
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'group'; readonly pipeline: Pipeline }

/** A function with its arguments, or a bare operand. */
export interface Call {
  readonly name: string | undefined
  readonly operands: readonly Operand[]
}

/** Each call gets the result of the one before it as its last argument. */
export interface Pipeline {
  readonly calls: readonly Call[]
  readonly line: number
}

export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'with'
      readonly pipeline: Pipeline
      readonly body: readonly Part[]
      readonly otherwise: readonly Part[]
    }

/** What is wrong with a template, and in which line of it. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
  readonly line: number
  readonly hint: string | undefined

  constructor(line: number, message: string, hint?: string) {
    super(message)
    this.line = line
    this.hint = hint
  }
}

import { invalidFlag } from '../../flag.ts'
import type { TemplateValues } from './render.ts'

export interface TemplateFlags {
  readonly 'no-template': boolean
  readonly 'template-vars': readonly string[]
  readonly 'template-envs': string | undefined
}

/** The values that flags give to a template: what is named wins over what is taken from the environment. */
export function templateValues(
  flags: TemplateFlags,
  env: Readonly<Record<string, string | undefined>>,
): TemplateValues {
  const values = new Map<string, string>()
  const pattern = flags['template-envs']
  if (pattern !== undefined && pattern !== '') {
    const wanted = toRegExp(pattern)
    for (const [name, value] of Object.entries(env))
      if (value !== undefined && wanted.test(name)) values.set(name, value)
  }
  for (const [name, value] of flags['template-vars'].flatMap(assignmentsOf)) values.set(name, value)
  return values
}

/** `a=1`, or several of them with commas; a comma before anything else belongs to the value. */
function assignmentsOf(text: string): [name: string, value: string][] {
  return text.split(/,(?=\w+=)/).map((part) => {
    const [, name, value] = /^(\w+)=(.*)$/s.exec(part) ?? []
    if (name === undefined || value === undefined) {
      throw invalidFlag('template-vars', `'${part}' is not of the form NAME=VALUE`)
    }
    return [name, value]
  })
}

/** A star alone is no regular expression, but everybody knows what it means. */
function toRegExp(pattern: string): RegExp {
  try {
    return new RegExp(pattern === '*' ? '.*' : pattern)
  } catch {
    throw invalidFlag('template-envs', `'${pattern}' is no regular expression`, 'For example ^APP_.')
  }
}

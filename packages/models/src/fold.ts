import type { z } from 'zod'
import { excerpt, joinPath, type Problem } from './problem.ts'

/** The parts of a zod definition that are walked here. */
interface Definition {
  readonly type: string
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>
  readonly element?: z.core.$ZodType
  readonly innerType?: z.core.$ZodType
  readonly valueType?: z.core.$ZodType
  readonly out?: z.core.$ZodType
}

/**
 * A copy of `value` in which every key that the schema knows is spelled as the schema spells it, and fields that are null are
 * left out. What the schema does not look into (`Params`, names of a user) stays as it is. A field that is there twice, in two
 * spellings, is a problem: whichever won would be a surprise.
 */
export function fold(schema: z.core.$ZodType, value: unknown, path: string, problems: Problem[]): unknown {
  const definition = definitionOf(schema)
  const { type, shape, element, valueType } = definition
  const inner = definition.innerType ?? (type === 'pipe' ? definition.out : undefined)
  if (inner !== undefined) return fold(inner, value, path, problems)
  if (element !== undefined && Array.isArray(value)) {
    return value.map((item, index) => fold(element, item, joinPath(path, index), problems))
  }
  if (!isObject(value)) return value
  if (shape !== undefined) return foldObject(shape, value, path, problems)
  if (valueType !== undefined && definitionOf(valueType).type !== 'unknown') {
    return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null))
  }
  return value
}

function foldObject(
  shape: Readonly<Record<string, z.core.$ZodType>>,
  value: Readonly<Record<string, unknown>>,
  path: string,
  problems: Problem[],
): Record<string, unknown> {
  const names = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]))
  const spellings = new Map<string, string>()
  const folded: [string, unknown][] = []
  for (const [key, item] of Object.entries(value)) {
    if (item === null) continue
    const name = names.get(key.toLowerCase()) ?? key
    const earlier = spellings.get(name)
    if (earlier !== undefined) problems.push({ path, message: `'${excerpt(key)}' repeats '${excerpt(earlier)}'` })
    spellings.set(name, key)
    const schema = names.has(name.toLowerCase()) ? shape[name] : undefined
    folded.push([name, schema === undefined ? item : fold(schema, item, joinPath(path, name), problems)])
  }
  // Not by assignment: `__proto__` is a key like any other, and is to be refused like one.
  return Object.fromEntries(folded)
}

function definitionOf(schema: z.core.$ZodType): Definition {
  const definition: unknown = schema._zod.def
  return definition as Definition
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

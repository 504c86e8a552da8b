import { z } from 'zod'
import { LIMITS } from '../../../runtime/limits.ts'

/** What Go writes otherwise than `JSON.stringify`, which it writes as `\uXXXX`. */
const OTHERWISE = /\\(?:u[\da-f]{4}|.)|[<>&\u2028\u2029]/g
const SHORT: Readonly<Record<string, string>> = { '\\b': '\\u0008', '\\f': '\\u000c' }

/** `value` as the Go releases write it: compact, in the order of its fields, and safe within a web page. */
export function encodeGo(value: object): Buffer {
  const text = JSON.stringify(value).replaceAll(OTHERWISE, (found) => {
    if (found.startsWith('\\')) return SHORT[found] ?? found
    return `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  return Buffer.from(text)
}

/**
 * An object as Go reads it: keys in any case, of several spellings the last one, `null` as if the field were not there, and
 * unknown fields set aside.
 */
export function goObject<S extends z.ZodRawShape>(shape: S) {
  const names = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]))
  return z.preprocess((value) => respell(value, names), z.object(shape)).prefault({})
}

function respell(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) return value
  const found = new Map<string, unknown>()
  for (const [key, item] of Object.entries(value)) {
    const name = names.get(key.toLowerCase())
    if (name !== undefined && item !== null) found.set(name, item)
  }
  return Object.fromEntries(found)
}

/** Fields with the zero values of Go. Text is bounded by the message that it comes in, names by what a name may be. */
export const goText = z.string().default('')
export const goName = z.string().max(LIMITS.goName).default('')
export const goFlag = z.boolean().default(false)
export const goWhole = z.int().default(0)

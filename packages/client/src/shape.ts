import type { Page } from '@bacalhau/models'
import { ApiError } from './api-error.ts'

type Kind = 'string' | 'number' | 'object' | 'array'

/** Checks an answer of the server and gives it its type. */
export type Reader<T> = (value: unknown) => T

/**
 * A reader that wants the named fields to be of these kinds, and lets everything else be: servers of other versions send more
 * or less than this one, and a client should only insist on what its callers cannot do without.
 */
export function shaped<T>(fields: { readonly [name in keyof T & string]?: Kind }): Reader<T> {
  const wanted = Object.entries(fields) as [string, Kind][]
  return (value) => {
    if (kindOf(value) !== 'object') throw badAnswer('an object')
    const record = value as Record<string, unknown>
    for (const [name, kind] of wanted) if (kindOf(record[name]) !== kind) throw badAnswer(`${name} of kind ${kind}`)
    return value as T
  }
}

/** A reader of a page of items; `null` for no items is taken as well. */
export function pageOf<T>(item: Reader<T>): Reader<Page<T>> {
  const page = shaped<{ NextToken?: string; Items?: unknown }>({})
  return (value) => {
    const { NextToken = '', Items } = page(value)
    const items = Items ?? []
    if (!Array.isArray(items)) throw badAnswer('Items of kind array')
    return { NextToken, Items: items.map(item) }
  }
}

export const text: Reader<string> = (value) => {
  if (typeof value !== 'string') throw badAnswer('a string')
  return value
}

function kindOf(value: unknown): Kind | undefined {
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'object') return value === null ? undefined : 'object'
  return typeof value === 'string' || typeof value === 'number' ? (typeof value as Kind) : undefined
}

function badAnswer(wanted: string): ApiError {
  return new ApiError(200, 'BadAnswer', `the server gave an answer of another API: ${wanted} is missing`)
}

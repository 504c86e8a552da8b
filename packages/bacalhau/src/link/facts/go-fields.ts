// How Go's encoding/json reads objects into structs.

export type Raw = Readonly<Record<string, unknown>>

export function rawOf(value: unknown): Raw | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Raw) : undefined
}

/** The value of the last key that is `name` in any case; undefined also where it is null. */
export function field(raw: Raw, name: string): unknown {
  const wanted = name.toLowerCase()
  let found: unknown
  for (const [key, value] of Object.entries(raw)) if (key.toLowerCase() === wanted) found = value
  return found ?? undefined
}

/** At most 256 characters, the bound of names everywhere; longer text counts as none. */
export const text = (value: unknown): string => (typeof value === 'string' && value.length <= 256 ? value : '')

export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

export const numberOf = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0)

/** A whole number that is not negative, and is exact. */
export const count = (value: unknown): number =>
  Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.trunc(numberOf(value))))

/** Levels to which anything may nest. */
export const MAX_DEPTH = 64
/** Values in a document of a user. No honest spec comes near. */
export const MAX_VALUES = 100_000
/** Values in a record or a batch of messages: as many as the largest batch has room for. */
export const MAX_RECORD_VALUES = 10_000_000

/**
 * What is too much about `input`, or undefined. Asked before anything recurses into it: later steps (schemas, JSON, YAML) then
 * never overflow the stack or work for minutes. A cycle, which YAML can write, counts as endless depth.
 */
export function oversize(input: unknown, maxValues: number): string | undefined {
  let level: unknown[] = [input]
  let values = 0
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH} levels`
    const next: unknown[] = []
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue
      const children: readonly unknown[] = Array.isArray(value) ? value : Object.values(value)
      values += children.length
      if (values > maxValues) return `holds more than ${maxValues} values`
      for (const child of children) next.push(child)
    }
    level = next
  }
  return undefined
}

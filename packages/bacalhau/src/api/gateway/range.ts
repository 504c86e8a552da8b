export type Range =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly start: number; /** Inclusive. */ readonly end: number }
  | { readonly kind: 'unsatisfiable' }

const WHOLE: Range = { kind: 'whole' }

/**
 * Reads a Range header (RFC 9110, 14.2) for a body of `size` bytes. One range of bytes is served; whatever else it asks for, or
 * an ill-formed one, is ignored, as the standard allows.
 */
export function parseRange(header: string | undefined, size: number): Range {
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(header ?? '')
  if (match === null) return WHOLE
  const [, first = '', last = ''] = match
  if (first === '') return last === '' ? WHOLE : suffix(Number(last), size)
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return WHOLE
  return start >= size ? { kind: 'unsatisfiable' } : { kind: 'part', start, end }
}

function suffix(length: number, size: number): Range {
  if (length === 0 || size === 0) return { kind: 'unsatisfiable' }
  return { kind: 'part', start: Math.max(0, size - length), end: size - 1 }
}

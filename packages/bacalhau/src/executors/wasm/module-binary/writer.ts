/** Bytes of a WebAssembly binary under construction, in pieces. */
export type Piece = Uint8Array | readonly number[]

/** `value` (0 ≤ value < 2³²) as an unsigned LEB128 number, in its shortest form. */
export function u32(value: number): number[] {
  const out: number[] = []
  let rest = value
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  out.push(rest)
  return out
}

/** A string with its length before it. */
export function name(text: string): number[] {
  const bytes = new TextEncoder().encode(text)
  return [...u32(bytes.length), ...bytes]
}

export function concat(pieces: readonly Piece[]): Uint8Array {
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}

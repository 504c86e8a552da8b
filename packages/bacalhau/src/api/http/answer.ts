const ESCAPES: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
}

export interface Encoding {
  /** Indent by two spaces. */
  readonly pretty?: boolean
  /** Leave `<`, `>` and `&` as they are, so that a person can copy a URL out of the answer. */
  readonly plain?: boolean
}

/** A JSON document and a newline. What could be read as HTML is escaped, as the documented API does. */
export function encodeJson(value: unknown, { pretty = false, plain = false }: Encoding = {}): string {
  const text = JSON.stringify(value, undefined, pretty ? 2 : undefined)
  return `${plain ? text : text.replaceAll(/[<>&\u2028\u2029]/g, (found) => ESCAPES[found] ?? found)}\n`
}

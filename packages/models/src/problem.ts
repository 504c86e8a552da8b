/** One thing that is wrong with a document: where, and what. */
export interface Problem {
  /** Path inside the document, for example `Tasks[0].Resources.CPU`; empty for the document itself. */
  readonly path: string
  readonly message: string
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** The problems as lines of text, at most `limit` of them. */
export function describeProblems(problems: readonly Problem[], limit = 20): string {
  const lines = problems.slice(0, limit).map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  if (problems.length > limit) lines.push(`and ${problems.length - limit} more`)
  return lines.join('\n')
}

/** Joins a path and a key the way a reader would write it. */
export function joinPath(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`
  return path === '' ? key : `${path}.${key}`
}

/** Characters of a user's own words that are quoted back. */
const MAX_QUOTED = 64

/** The words of a user as an error shows them: cut where they are long. */
export const excerpt = (words: string): string => (words.length > MAX_QUOTED ? `${words.slice(0, MAX_QUOTED)}…` : words)

/** Problems of a part of a document, as problems of the whole: `prefix` is where the part is. */
export function nest(prefix: string, problems: readonly Problem[]): Problem[] {
  return problems.map(({ path, message }) => ({
    path: path === '' || path.startsWith('[') ? `${prefix}${path}` : joinPath(prefix, path),
    message,
  }))
}

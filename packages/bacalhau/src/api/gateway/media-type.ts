const TEXT = 'text/plain; charset=utf-8'

/** What a browser may show. Everything else is bytes to save: a job's output must never run as a page or a script. */
const TYPES: Readonly<Record<string, string>> = {
  txt: TEXT,
  log: TEXT,
  csv: TEXT,
  md: TEXT,
  json: 'application/json',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
}

/** Files that every result holds. */
const RESULT_FILES = new Set(['stdout', 'stderr', 'exitCode'])

/** The content type under which a file of this name is served. */
export function mediaTypeOf(name: string): string {
  if (RESULT_FILES.has(name)) return TEXT
  const extension = /\.([a-z]{2,4})$/i.exec(name)?.[1]?.toLowerCase() ?? ''
  return Object.hasOwn(TYPES, extension) ? (TYPES[extension] ?? '') : 'application/octet-stream'
}

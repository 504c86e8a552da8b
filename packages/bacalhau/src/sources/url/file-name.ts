/** Bytes that a name may have on most file systems. */
const LONGEST = 255
const FALLBACK = 'download'

export interface Origin {
  /** Where the file came from in the end. */
  readonly url: URL
  readonly redirected: boolean
  /** The `Content-Disposition` header of the answer. */
  readonly disposition: string | undefined
}

/**
 * The name that a file gets: that of its URL; after a redirect, or when the URL has none, the one that the server proposes.
 * It is one name and never a path, whatever the server says.
 */
export function fileNameOf({ url, redirected, disposition = '' }: Origin): string {
  const own = nameIn(decoded(url.pathname.split('/').at(-1) ?? ''))
  const proposed = nameIn(proposedIn(disposition))
  return (redirected ? proposed : undefined) ?? own ?? proposed ?? FALLBACK
}

/** `filename*` (RFC 8187, UTF-8 only) before `filename` (RFC 6266). */
function proposedIn(disposition: string): string {
  const extended = /;\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]*)/i.exec(disposition)?.[1]
  if (extended !== undefined) return decoded(extended)
  const [, quoted, plain] = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/i.exec(disposition) ?? []
  return quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? ''
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function nameIn(text: string): string | undefined {
  // oxlint-disable-next-line no-control-regex -- control characters are what is taken out.
  const name = (text.split(/[/\\]/).at(-1) ?? '').replaceAll(/[\u0000-\u001f\u007f]/g, '').trim()
  if (name === '' || name === '.' || name === '..') return undefined
  return shortened(name)
}

/** The extension stays, and no character is cut in two. */
function shortened(name: string): string {
  const extension = /\.[^.]{1,16}$/.exec(name)?.[0] ?? ''
  const stem = Buffer.from(name.slice(0, name.length - extension.length))
  const cut = stem.subarray(0, LONGEST - Buffer.byteLength(extension))
  return new TextDecoder().decode(cut, { stream: true }) + extension
}

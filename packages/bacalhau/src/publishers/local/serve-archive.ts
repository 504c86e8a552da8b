import { constants, type FileHandle, open } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'

/** `/<token>/<execution>.tar.gz`. Neither can be the name of another folder. Programs of release 1.2 unpack what ends in `.tgz`. */
const PLACE = /^\/([\w-]{43})\/([A-Za-z0-9][\w-]{0,127})\.(?:tar\.gz|tgz)$/

/** The archive that the path of a URL means, as folder and file; undefined when it cannot be one. */
export function placeOf(pathname: string): { readonly token: string; readonly name: string } | undefined {
  const [, token, execution] = PLACE.exec(pathname) ?? []
  return token === undefined || execution === undefined ? undefined : { token, name: `${execution}.tar.gz` }
}
const CHUNK = 1024 * 1024

/**
 * Answers one request for an archive below `folder`. Whoever does not know its token learns nothing, not even that there is
 * something. Never rejects.
 */
export async function serveArchive(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('x-content-type-options', 'nosniff')
  if (request.method !== 'GET' && request.method !== 'HEAD') return end(response, 405, { allow: 'GET, HEAD' })
  const place = placeOf(request.url ?? '')
  const handle = place && (await openArchive(path.join(folder, place.token, place.name)))
  if (place === undefined || handle === undefined) return end(response, 404)
  try {
    await send(handle, place.name, request, response)
  } catch {
    // The reader has left, or the disk fails: there is nobody to tell.
    response.destroy()
  } finally {
    await handle.close()
  }
}

const openArchive = (file: string): Promise<FileHandle | undefined> =>
  open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined)

async function send(handle: FileHandle, name: string, { method, headers }: IncomingMessage, response: ServerResponse) {
  const { size } = await handle.stat()
  // An archive is written once, so its name says which it is.
  const etag = `"${name}"`
  const isSame = headers['if-range'] === undefined || headers['if-range'] === etag
  const start = isSame ? startOf(headers.range) : 0
  response.setHeader('etag', etag)
  response.setHeader('accept-ranges', 'bytes')
  if (start > 0 && start >= size) return end(response, 416, { 'content-range': `bytes */${size}` })
  response.writeHead(start > 0 ? 206 : 200, {
    'content-type': 'application/gzip',
    'content-length': size - start,
    'cache-control': 'private, no-store',
    ...(start > 0 ? { 'content-range': `bytes ${start}-${size - 1}/${size}` } : {}),
  })
  if (method === 'HEAD' || size === 0) return void response.end()
  await pipeline(handle.createReadStream({ start, autoClose: false, highWaterMark: CHUNK }), response)
}

/** Only the rest of an archive is ever asked for; any other range is answered with all of it, as the protocol allows. */
const startOf = (range: string | undefined): number => Number(/^bytes=(\d{1,15})-$/.exec(range ?? '')?.[1] ?? 0)

function end(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { ...headers, 'content-length': 0 }).end()
}

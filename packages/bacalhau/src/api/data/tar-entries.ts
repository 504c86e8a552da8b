import { ReadableStream } from 'node:stream/web'
import type { ParsedTarEntry } from 'modern-tar'
import { BacalhauError, isBacalhauError, messageOf } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { IncomingEntry } from '../context.ts'

const MAX_PATH = 4_096

/**
 * The files, folders and links of a tar stream (POSIX ustar, pax and GNU names). Throws `BadRequest` for a broken archive, and for
 * what has no place in a tree of content: absolute paths, `..`, links that lead out, hard links, devices, pipes.
 */
export async function* tarEntries(archive: AsyncIterable<Uint8Array>): AsyncGenerator<IncomingEntry> {
  // Loaded at the first upload of a folder: most nodes never see one.
  const { createTarDecoder } = await import('modern-tar')
  const entries = ReadableStream.from(archive).pipeThrough(createTarDecoder({ strict: true }))
  let count = 0
  for await (const entry of readable(entries)) {
    count += 1
    if (count > LIMITS.uploadEntries) {
      throw new BacalhauError('ContentTooLarge', `the archive holds more than ${LIMITS.uploadEntries} entries`)
    }
    const incoming = toEntry(entry)
    if (incoming !== undefined) yield incoming
    // Whatever was not read of this one must be out of the way of the next.
    if (!entry.body.locked) await entry.body.cancel()
  }
}

function toEntry({ header, body }: ParsedTarEntry): IncomingEntry | undefined {
  const path = checkPath(header.name)
  // The folder that everything is in.
  if (path === '') return undefined
  switch (header.type) {
    case undefined:
    case 'file':
      return { path, content: readable(body) }
    case 'directory':
      return { path }
    case 'symlink':
      return { path, link: checkLink(path, header.linkname ?? '') }
    default:
      throw refused(header.name, `is of the kind '${header.type}'; only files, folders and symbolic links can be added`)
  }
}

function checkPath(name: string): string {
  const parts = name.split('/').filter((part) => part !== '.' && part !== '')
  if (name.startsWith('/')) throw refused(name, 'is an absolute path')
  if (parts.includes('..')) throw refused(name, "must not contain '..'")
  if (name.includes('\0') || name.length > MAX_PATH) throw refused(name.slice(0, 100), 'is no valid path')
  return parts.join('/')
}

/** A link may point to a place within the tree only. */
function checkLink(path: string, target: string): string {
  let depth = path.split('/').length - 1
  for (const part of target.split('/')) {
    if (part === '..') depth -= 1
    else if (part !== '.' && part !== '') depth += 1
    if (depth < 0) break
  }
  if (depth < 0 || target === '' || target.startsWith('/') || target.includes('\0')) {
    throw refused(path, 'is a link that leads out of the folder')
  }
  return target
}

function refused(name: string, why: string): BacalhauError {
  return new BacalhauError('BadRequest', `the archive cannot be added: '${name}' ${why}`)
}

/** Reads a stream of the decoder; its errors are about the archive. */
async function* readable<T>(stream: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* stream
  } catch (error) {
    if (isBacalhauError(error)) throw error
    throw new BacalhauError('BadRequest', `the archive cannot be read: ${messageOf(error)}`, { cause: error })
  }
}
